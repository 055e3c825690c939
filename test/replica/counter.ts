import { utf8Bytes, utf8Text } from "../../src/base/bytes.ts";
import type { Applied, StateMachine } from "../../src/replica/state-machine.ts";

export interface Add {
  readonly add: number;
}

/** A sum. It refuses to count to 13, by throwing, for the tests of what happens then. */
export class Counter implements StateMachine<Add, number, void, number> {
  sum = 0;
  readonly times: number[] = [];

  apply(batch: readonly Applied<Add>[]): number[] {
    return batch.map(({ command, time }) => {
      if (command.add === 13) throw new Error("not 13");
      this.times.push(time);
      this.sum += command.add;
      return this.sum;
    });
  }

  query(): number {
    return this.sum;
  }

  *snapshot(): Iterable<Uint8Array> {
    yield utf8Bytes(String(this.sum));
  }

  restore(chunks: Iterable<Uint8Array>): void {
    let text = "";
    for (const chunk of chunks) text += utf8Text(chunk);
    this.sum = Number(text);
  }
}
