/** Types of frames (RFC 9113, section 6). */
export const Frame = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** Why a stream or a connection ends (section 7). */
export const Code = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

/** What a client begins with (section 3.4). */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const FRAME_HEAD_BYTES = 9;
/** The longest payload that may be sent to whoever has not allowed more; ours is never more (section 4.2). */
export const FRAME_PAYLOAD_BYTES_MAX = 16_384;
/** A window that nobody has changed (section 6.9.2). */
export const WINDOW_BYTES_DEFAULT = 65_535;
/** No window and no identifier is larger. */
export const UINT31_MAX = 2 ** 31 - 1;

/** The other side has broken the rules in a way that ends the connection (section 5.4.1). */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function protocolError(what: string): ConnectionError {
  return new ConnectionError(Code.protocolError, what);
}
