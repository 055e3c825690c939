import { QuorateError } from "../base/errors.ts";
import { isBytes, reasonOf, rethrowing, synchronous } from "../base/foreign.ts";
import type { Codec } from "./state-machine.ts";

/** Commands that are bytes already, of their own: the key-value store encodes them itself, and they are never changed. */
export const BYTE_COMMANDS: Codec<Uint8Array> = {
  name: "bytes",
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
};

/** Returns the codec with its results checked. Where commands are bytes already there is nothing to check or to copy. */
export function checkedCodec<Command>(codec: Codec<Command>): Codec<Command> {
  return (codec as Codec<unknown>) === BYTE_COMMANDS ? codec : new CheckedCodec(codec);
}

/**
 * A codec of the application's own, for commands that all members will have to decode, today and whenever they replay
 * their logs. So no bytes enter the log that the codec cannot decode here, or that its owner can still change.
 */
class CheckedCodec<Command> implements Codec<Command> {
  readonly #codec: Codec<Command>;

  constructor(codec: Codec<Command>) {
    this.#codec = codec;
  }

  get name(): string {
    return this.#codec.name;
  }

  /** Returns bytes of their own. Throws ERR_INVALID_ARGUMENT, with what the codec threw as its cause. */
  encode(command: Command): Uint8Array {
    const given = this.#attempt("encode", () => synchronous(this.#codec.encode(command), "encode"));
    if (!isBytes(given)) {
      const message = `encode of the codec ${this.name} must return a Uint8Array`;
      throw new QuorateError("ERR_INVALID_ARGUMENT", message, { argument: "codec", received: this.name });
    }
    const bytes = new Uint8Array(given);
    this.#attempt("decode again", () => this.decode(bytes));
    return bytes;
  }

  /** Throws what the codec throws, and TypeError where it returns a promise. */
  decode(bytes: Uint8Array): Command {
    // The log sends these bytes to others: a command must not share memory with them.
    return synchronous(this.#codec.decode(bytes.slice()), "decode");
  }

  #attempt<Value>(deed: string, run: () => Value): Value {
    return rethrowing(run, (cause) => {
      const message = `the codec ${this.name} cannot ${deed} the command: ${reasonOf(cause)}`;
      return new QuorateError("ERR_INVALID_ARGUMENT", message, { argument: "command" }, { cause });
    });
  }
}
