import { utf8Bytes } from "../base/bytes.ts";
import { crc32 } from "../base/checksum.ts";
import { Random } from "../base/random.ts";
import type { Index } from "../log/entry.ts";

/**
 * Chance for the commands of one cluster: the same on every member and at every start, since it is drawn from the
 * cluster's id and the command's index. Another cluster draws other numbers.
 */
export class CommandRandom {
  readonly #seed: number;

  constructor(clusterId: string) {
    this.#seed = crc32(utf8Bytes(clusterId));
  }

  /** A source for the command at `index`. It costs nothing until it is asked. */
  at(index: Index): () => number {
    let random: Random | null = null;
    return () => {
      random ??= new Random(this.#seed ^ Math.imul(index, 0x9e3779b1) ^ Math.floor(index / 0x1_0000_0000));
      return random.fraction();
    };
  }
}
