import { defined, type Overrides } from "../../base/defaults.ts";
import { OptionTable, whole } from "../../base/options.ts";

/** What a TCP transport allows itself and others. */
export interface TcpLimits {
  /** The longest frame taken or sent, in bytes. A longer one is dropped by the sender and ends the connection at the receiver. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for one peer. Beyond it the newest frames are dropped; Raft sends again what matters. */
  readonly queueBytesMax: number;
  /**
   * Inbound connections that may be in the handshake at once from addresses where no member is known to be. Beyond it the
   * oldest one is closed, of the address that has most of them.
   */
  readonly halfOpenMax: number;
  /** How many may come from one address, a member's included. Beyond it the oldest one from there is closed. */
  readonly halfOpenPerAddressMax: number;
  /**
   * TLS handshakes begun in a second, in the long run: for each address where a member is known to be, and for all others
   * together. Each costs processor time before anything is proved; a connection beyond it is closed.
   */
  readonly tlsHandshakesPerSecondMax: number;
  /** From the first packet to the end of the handshake, that of TLS included. */
  readonly handshakeMs: number;
  /** The pause before the first new attempt to reach a peer; it doubles, with jitter, up to the longest. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** A connection on which no whole frame arrives for so long is given up. Both ends send one four times as often. */
  readonly silenceMs: number;
  /** A frame that takes longer than `silenceMs` counts as a sign of life while it grows by so many bytes a second. */
  readonly frameBytesPerSecondMin: number;
}

const DEFAULTS: TcpLimits = {
  frameBytesMax: 16 * 1024 * 1024 + 64 * 1024,
  queueBytesMax: 64 * 1024 * 1024,
  halfOpenMax: 512,
  halfOpenPerAddressMax: 256,
  tlsHandshakesPerSecondMax: 100,
  handshakeMs: 5_000,
  redialMsMin: 20,
  redialMsMax: 1_000,
  silenceMs: 6_000,
  frameBytesPerSecondMin: 4 * 1024,
};

const LIMIT_MAX = 2 ** 31 - 1;

export const TCP_LIMITS = new OptionTable<Overrides<TcpLimits>>(
  "limits",
  {
    frameBytesMax: whole(1, LIMIT_MAX),
    queueBytesMax: whole(1, LIMIT_MAX),
    halfOpenMax: whole(1, LIMIT_MAX),
    halfOpenPerAddressMax: whole(1, LIMIT_MAX),
    tlsHandshakesPerSecondMax: whole(1, LIMIT_MAX),
    handshakeMs: whole(1, LIMIT_MAX),
    redialMsMin: whole(1, LIMIT_MAX),
    redialMsMax: whole(1, LIMIT_MAX),
    silenceMs: whole(1, LIMIT_MAX),
    frameBytesPerSecondMin: whole(1, LIMIT_MAX),
  },
  "limits.",
);

/** The defaults with the caller's changes. Throws ERR_INVALID_ARGUMENT on what is no whole number above 0. */
export function tcpLimits(changes: Overrides<TcpLimits> = {}): TcpLimits {
  TCP_LIMITS.check(changes);
  return { ...DEFAULTS, ...defined(changes) };
}
