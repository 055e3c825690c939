import { ByteReader, ByteWriter } from "../../../base/bytes.ts";
import { crc32 } from "../../../base/checksum.ts";
import type { Applied, Codec, Restoration, StateMachine } from "../../../replica/state-machine.ts";

/** A command with the number of the call that it came from; 0 when no client asked for it. */
export interface Tagged<Command> {
  readonly operation: number;
  readonly command: Command;
}

/** A result with the place in the log where it came about. */
export interface Placed<Result> {
  readonly index: number;
  readonly result: Result;
}

/** Told what a machine is given and what it makes of it. */
export interface MachineObserver<Command, Result> {
  executed(applied: Applied<Tagged<Command>>, result: Result): void;
  /** A checksum of the state after `index`, and the first bytes of it. */
  state(index: number, hash: number, bytes: Uint8Array): void;
}

/** How often the state is looked at, in entries. */
const LOOK_EVERY = 8;
/** How much of each state is kept, to be shown where it is not that of the others. */
const STATE_BYTES_SHOWN = 4_096;

/**
 * A user's machine with an observer beside it. It hands on what it is given, whole batches but for one thing: a batch is
 * parted at certain indexes, the same on all members, so that their states can be compared there.
 */
export class ObservedMachine<Command, Result, Query, Answer>
  implements StateMachine<Tagged<Command>, Placed<Result>, Query, Answer>
{
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  readonly #observer: MachineObserver<Command, Result>;
  readonly beginRestore?: () => Restoration;

  constructor(
    machine: StateMachine<Command, Result, Query, Answer>,
    observer: MachineObserver<Command, Result>,
  ) {
    this.machine = machine;
    this.#observer = observer;
    const begin = machine.beginRestore?.bind(machine);
    if (begin !== undefined) this.beginRestore = begin;
  }

  apply(batch: readonly Applied<Tagged<Command>>[]): readonly Placed<Result>[] {
    const placed: Placed<Result>[] = [];
    for (let from = 0; from < batch.length; ) {
      let to = from + 1;
      while (to < batch.length && batch[to - 1]!.index % LOOK_EVERY !== 0) to += 1;
      this.#applyPart(batch.slice(from, to), placed);
      from = to;
    }
    return placed;
  }

  query(query: Query): Answer {
    return this.machine.query(query);
  }

  snapshot(): Iterable<Uint8Array> {
    return afterNothing(this.machine.snapshot());
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.machine.restore(chunks);
  }

  /** Looks at the state as it is now, which is that after `index`. */
  look(index: number): void {
    let hash = 0;
    const shown = new ByteWriter();
    for (const chunk of this.machine.snapshot()) {
      hash = crc32(chunk, hash);
      shown.bytes(chunk.subarray(0, STATE_BYTES_SHOWN - shown.length));
    }
    this.#observer.state(index, hash, shown.take());
  }

  #applyPart(part: readonly Applied<Tagged<Command>>[], placed: Placed<Result>[]): void {
    const results = this.machine.apply(
      part.map((applied) => ({ ...applied, command: applied.command.command })),
    );
    part.forEach((applied, at) => {
      const result = results[at] as Result;
      placed.push({ index: applied.index, result });
      this.#observer.executed(applied, result);
    });
    const { index } = part.at(-1)!;
    if (index % LOOK_EVERY === 0) this.look(index);
  }
}

/** An empty chunk before the others: when they are asked for, the machine has moved on, as it may have in a long snapshot. */
function* afterNothing(chunks: Iterable<Uint8Array>): Iterable<Uint8Array> {
  yield new Uint8Array(0);
  yield* chunks;
}

/** The user's codec, with the number of the call before each command. */
export function taggedCodec<Command>(codec: Codec<Command>): Codec<Tagged<Command>> {
  return {
    name: codec.name,
    encode({ operation, command }) {
      const bytes = codec.encode(command);
      const writer = new ByteWriter(bytes.length + 4);
      writer.u32(operation);
      writer.bytes(bytes);
      return writer.take();
    },
    decode(bytes) {
      const operation = new ByteReader(bytes).u32();
      return { operation, command: codec.decode(bytes.subarray(4)) };
    },
  };
}
