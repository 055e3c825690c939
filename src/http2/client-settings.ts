import {
  Code,
  ConnectionError,
  FRAME_PAYLOAD_BYTES_MAX,
  UINT31_MAX,
  WINDOW_BYTES_DEFAULT,
} from "./protocol.ts";

/** What may be set (RFC 9113, section 6.5.2). */
export const Setting = {
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

const SETTING_BYTES = 6;

/** What a client has said about itself, as far as it matters to what is sent here. */
export class ClientSettings {
  #streamWindowBytes = WINDOW_BYTES_DEFAULT;

  /** What each stream may be sent at first. */
  get streamWindowBytes(): number {
    return this.#streamWindowBytes;
  }

  /** Takes the payload of a frame. Throws ConnectionError. */
  read(bytes: Buffer, from: number, to: number): void {
    if ((to - from) % SETTING_BYTES !== 0) throw new ConnectionError(Code.frameSizeError, "half a setting");
    for (let at = from; at < to; at += SETTING_BYTES) {
      this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
  }

  #set(id: number, value: number): void {
    if (id === Setting.initialWindowSize) {
      if (value > UINT31_MAX) throw new ConnectionError(Code.flowControlError, "a window that is too large");
      this.#streamWindowBytes = value;
    } else if (id === Setting.enablePush) {
      if (value > 1) throw new ConnectionError(Code.protocolError, "push is neither on nor off");
    } else if (id === Setting.maxFrameSize) {
      // Nothing longer than every client takes is ever sent.
      if (value < FRAME_PAYLOAD_BYTES_MAX || value >= 2 ** 24)
        throw new ConnectionError(Code.protocolError, "a frame size that cannot be");
    }
  }
}
