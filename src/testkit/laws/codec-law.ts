import { equalBytes } from "../../base/bytes.ts";
import type { Codec } from "../../replica/state-machine.ts";
import { structureKey } from "../structure.ts";
import { Breach, textOf } from "./breach.ts";
import { guard } from "./subject.ts";
import { chanceOf, type Law } from "./trial.ts";

/** What was proposed is what every member applies, and bytes that are no command do no harm. */
export const codecLaw: Law = {
  name: "the codec",
  says: "a command does not come out of the codec as it went in",
  check(trial) {
    const { codec, steps } = trial;
    const commands = steps.map(({ command }) => command);
    const encoded = commands.map((command) => {
      const bytes = guard(
        () => "encode threw",
        () => codec.encode(command),
      );
      return { command, bytes, copy: bytes.slice() };
    });
    for (const { command, bytes, copy } of encoded) {
      if (!equalBytes(bytes, copy)) {
        throw new Breach(`the bytes of ${textOf(command)} changed when other commands were encoded`);
      }
    }
    for (const { command, copy } of encoded) {
      if (!equalBytes(codec.encode(command), copy)) {
        throw new Breach(`encoded twice, ${textOf(command)} gives different bytes`);
      }
      expectDecoded(codec, command, copy);
    }
    const random = chanceOf(trial);
    for (const { copy } of encoded) expectHarmless(codec, damaged(copy, random.between(0, 3), random.next()));
  },
};

function expectDecoded<Command>(codec: Codec<Command>, command: Command, bytes: Uint8Array): void {
  const decoded = guard(
    () => `decode threw on the bytes of ${textOf(command)}`,
    () => codec.decode(bytes.slice()),
  );
  if (structureKey(decoded) === structureKey(command)) return;
  throw new Breach(`${textOf(command)}\ncame out as ${textOf(decoded)}`);
}

/** Damaged bytes may be taken for a command or refused with an error; nothing else may come of them. */
function expectHarmless<Command>(codec: Codec<Command>, bytes: Uint8Array): void {
  const before = Reflect.ownKeys(Object.prototype).length;
  try {
    codec.decode(bytes);
  } catch (error) {
    if (!(error instanceof Error)) throw new Breach(`decode threw ${textOf(error)}, which is not an Error`);
  }
  const added = Reflect.ownKeys(Object.prototype).slice(before);
  for (const key of added) Reflect.deleteProperty(Object.prototype, key);
  if (added.length > 0) throw new Breach(`decode added ${added.map(String).join()} to all objects there are`);
}

function damaged(bytes: Uint8Array, kind: number, chance: number): Uint8Array {
  const at = bytes.length === 0 ? 0 : chance % bytes.length;
  if (kind === 0) return bytes.slice(0, at);
  const copy = bytes.slice();
  copy[at] = kind === 1 ? copy[at]! ^ (1 << (chance & 7)) : chance & 0xff;
  return copy;
}
