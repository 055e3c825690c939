import { MalformedBytes } from "../../base/bytes.ts";

/** Cuts a stream of text into the JSON objects that stand in it one after the other. */
export class JsonSplitter {
  readonly #lengthMax: number;
  #rest = "";
  /** How far `#rest` has been looked at. */
  #at = 0;
  #depth = 0;
  #isInText = false;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** Characters of an object that has begun and not ended. */
  get unfinishedLength(): number {
    return this.#rest.length;
  }

  /** The objects that are complete now. Throws MalformedBytes for what is no JSON, or too long. */
  *take(text: string): Generator<unknown> {
    this.#rest += text;
    for (; this.#at < this.#rest.length; this.#at++) {
      if (!this.#step(this.#rest[this.#at]!)) continue;
      const object = this.#rest.slice(0, this.#at + 1);
      this.#rest = this.#rest.slice(this.#at + 1);
      this.#at = -1;
      yield parseJson(object);
    }
    if (this.#rest.length > this.#lengthMax) throw new MalformedBytes("the request is too large");
  }

  /** Whether an object ends with this character. */
  #step(character: string): boolean {
    if (this.#isInText) {
      if (character === "\\") this.#at += 1;
      else if (character === '"') this.#isInText = false;
    } else if (character === '"') this.#isInText = true;
    else if (character === "{") this.#depth += 1;
    else if (character === "}") {
      this.#depth -= 1;
      return this.#depth <= 0;
    }
    return false;
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedBytes("the request is not JSON");
  }
}
