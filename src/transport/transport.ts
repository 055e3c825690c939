import type { Done } from "../base/callback.ts";
import type { QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";

/**
 * Carries frames between members. This is all that a network has to do for a cluster, so that any means will serve:
 * TCP, HTTP, a message bus, a BroadcastChannel.
 *
 * A transport may lose, repeat, delay and reorder frames; what it delivers must be whole and unchanged, and must come
 * from the member that it names. Snapshots travel as frames too, a window at a time, so no other path is needed.
 */
export interface Transport {
  /** The longest frame that it carries, in bytes; without it any. A member is refused whose commands would not fit. */
  readonly frameBytesMax?: number;

  /** Begins to listen. Calls back once frames can arrive, or with the reason why not (ERR_LISTEN). Called once. */
  start(host: TransportHost, started: Done): void;

  /** Tells whom to reach and where; replaces the earlier list. Whoever is not on it need not be reached any more. */
  setPeers(peers: readonly Peer[]): void;

  /**
   * Sends a frame, of one byte at least, to a member by name. Never throws, never blocks, never waits: when the way is blocked or unknown,
   * the frame is dropped. The transport may hold the frame but must not change it.
   */
  send(to: string, frame: Uint8Array): void;

  /** What it has carried since it was started, for dashboards. A transport that counts nothing may leave this out. */
  metrics?(): readonly PeerTraffic[];

  /** Who has tried to connect without being a member. A transport that has no strangers, or counts none, may leave this out. */
  strangers?(): StrangerCounts;

  /** Stops listening, ends every connection. After the callback nothing is delivered any more. */
  close(closed: Done): void;
}

/** What a transport is given by its member. */
export interface TransportHost {
  readonly self: Self;
  /** Hands over a frame from a member. The frame may share memory with a larger buffer, which must not be reused. */
  deliver(from: string, frame: Uint8Array): void;
  /** Optional news: a connection to or from a member stands. */
  peerUp(name: string): void;
  /** Optional news: the member's process has let go of its connection, so it has probably ended. */
  peerDown(name: string): void;
  /**
   * Optional news: a connection was refused, by us or by the other end. ERR_IDENTITY_MISMATCH: it came from another
   * cluster, from an unknown member, without our secret, or with a certificate of another. ERR_INCOMPATIBLE: other release. ERR_PROTOCOL: not ours.
   */
  refused(reason: QuorateError): void;
  /**
   * Optional question: a process that has proved to be one of us wants to start as a member that was added. Tells its
   * ticket, or why there is none.
   */
  enrol?(newcomer: Newcomer, settle: (error: unknown, ticket?: string) => void): void;
}

/** Who wants to start as a member that was added: its name, and the address that it was added with. */
export interface Newcomer {
  readonly name: string;
  readonly address: string;
}

/** Who this member is, as the handshake tells it to others. */
export interface Self {
  readonly clusterId: string;
  readonly name: string;
  readonly id: MemberId;
  readonly storeId: string;
  readonly bootEpoch: number;
  /** Where this member is reached, `host:port` for TCP; empty for transports that need none. */
  readonly address: string;
}

/** What went to one other member and came from it. */
export interface PeerTraffic {
  readonly name: string;
  readonly id: MemberId;
  /** Whether the way there and the way back stand. */
  readonly isUp: boolean;
  /** Bytes of frames. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Frames for which there was no way, or no room. */
  readonly framesDropped: number;
  /** Why the way there does not stand, as the last attempt has found; for people. */
  readonly trouble?: string | undefined;
  /** Connections given up because a frame was damaged, malformed, or not completed in time. */
  readonly connectionsBroken: number;
}

/** Inbound connections that did not prove to be a member's. */
export interface StrangerCounts {
  /** In the handshake now. */
  readonly waiting: number;
  /** Closed since the start to make room for newer ones, or because too many TLS handshakes began at once. */
  readonly displaced: number;
  /** Refused since the start: without proof, not a member, malformed, or too slow. */
  readonly refused: number;
}

/** Another member, and the address at which the transport reaches it. */
export interface Peer {
  readonly name: string;
  readonly id: MemberId;
  readonly address: string;
}
