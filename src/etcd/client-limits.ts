import { defined, type Overrides } from "../base/defaults.ts";
import { OptionTable, whole } from "../base/options.ts";

const MIB = 1024 * 1024;

/** What clients may hold of this process, whoever they are. */
export interface ClientLimits {
  /** Connections at a time, at all client addresses together. Default 4,096. */
  readonly connectionsMax: number;
  /** Of these, from one address (IPv6: /64). Default seven eighths, so that one address never shuts out all others. */
  readonly connectionsPerAddressMax: number;
  /** Connections beyond these, on which only health, version and metrics are served, one page each. Default 16. */
  readonly healthConnectionsMax: number;
  /** Calls of gRPC at a time, streams included. One address has seven eighths of them at most. Default 65,536. */
  readonly callsMax: number;
  /** How long a client may take to begin: the TLS handshake, the first frame, the head of a request. Default 10 s. */
  readonly beginMs: number;
  /** How long a connection of HTTP/2 may be without a call. Default 30 minutes. */
  readonly idleMs: number;
  /** How long a client may take for a request, or for one message of a stream, once it has begun. Default 30 s. */
  readonly requestMs: number;
  /** How long a client may leave its answer untouched. Default 5 minutes. */
  readonly stalledMs: number;
  /** Bytes of requests that have begun and not ended, in all. Beyond it the oldest of them is given up. Default 128 MiB. */
  readonly unfinishedBytesMax: number;
  /** Of these, from one address, and on one connection. Beyond it the newest is refused. Default 96 MiB, and 64 MiB. */
  readonly unfinishedBytesPerAddressMax: number;
  readonly unfinishedBytesPerConnectionMax: number;
  /** Bytes of answers that wait for clients to read them. Beyond it the connection with most of them is closed. Default 512 MiB. */
  readonly unreadBytesMax: number;
}

export const CLIENT_LIMITS = new OptionTable<Overrides<ClientLimits>>(
  "limits",
  {
    connectionsMax: whole(1),
    connectionsPerAddressMax: whole(1),
    healthConnectionsMax: whole(1),
    callsMax: whole(1),
    beginMs: whole(1),
    idleMs: whole(1),
    requestMs: whole(1),
    stalledMs: whole(1),
    unfinishedBytesMax: whole(1),
    unfinishedBytesPerAddressMax: whole(1),
    unfinishedBytesPerConnectionMax: whole(1),
    unreadBytesMax: whole(1),
  },
  "limits.",
);

/** The defaults with the caller's changes. Throws ERR_INVALID_ARGUMENT on what is no whole number above 0. */
export function clientLimits(changes: Overrides<ClientLimits> = {}): ClientLimits {
  CLIENT_LIMITS.check(changes);
  const { connectionsMax = 4_096 } = changes;
  return {
    connectionsMax,
    connectionsPerAddressMax: Math.max(1, Math.floor((connectionsMax * 7) / 8)),
    healthConnectionsMax: 16,
    callsMax: 65_536,
    beginMs: 10_000,
    idleMs: 30 * 60_000,
    requestMs: 30_000,
    stalledMs: 5 * 60_000,
    unfinishedBytesMax: 128 * MIB,
    unfinishedBytesPerAddressMax: 96 * MIB,
    unfinishedBytesPerConnectionMax: 64 * MIB,
    unreadBytesMax: 512 * MIB,
    ...defined(changes),
  };
}
