import { defined, type Overrides } from "../base/defaults.ts";
import { invalidArgument } from "../base/errors.ts";

/** What a TCP transport allows itself and others. */
export interface TcpLimits {
  /** The longest frame taken or sent, in bytes. A longer one is dropped by the sender and ends the connection at the receiver. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for one peer. Beyond it the newest frames are dropped; Raft sends again what matters. */
  readonly queueBytesMax: number;
  /** Inbound connections that may be in the handshake at once. Beyond it new ones are closed unread. */
  readonly halfOpenMax: number;
  /** How many of them may come from one address. */
  readonly halfOpenPerAddressMax: number;
  /** From the first packet to the end of the handshake, that of TLS included. */
  readonly handshakeMs: number;
  /** The pause before the first new attempt to reach a peer; it doubles, with jitter, up to the longest. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** A connection on which nothing was heard for so long is given up. Both ends speak four times as often. */
  readonly silenceMs: number;
}

const DEFAULTS: TcpLimits = {
  frameBytesMax: 16 * 1024 * 1024 + 64 * 1024,
  queueBytesMax: 64 * 1024 * 1024,
  halfOpenMax: 64,
  halfOpenPerAddressMax: 32,
  handshakeMs: 5_000,
  redialMsMin: 20,
  redialMsMax: 1_000,
  silenceMs: 6_000,
};

const LIMIT_MAX = 2 ** 31 - 1;

/** The defaults with the caller's changes. Throws ERR_INVALID_ARGUMENT on what is no whole number above 0. */
export function tcpLimits(changes: Overrides<TcpLimits> = {}): TcpLimits {
  const limits = { ...DEFAULTS, ...defined(changes) };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value > 0 && value <= LIMIT_MAX) continue;
    throw invalidArgument(name, value, `tcp: ${name} must be a whole number above 0`);
  }
  return limits;
}
