import { Random } from "../../../src/base/random.ts";
import type { Method } from "../../../src/wire/services.ts";
import { METHODS } from "../../../src/wire/services.ts";
import { Operations } from "../differential/operations.ts";

const sample = new Operations(new Random(11));

/** A request that is well-formed, or was before some of its bytes were changed, or never was. */
export function randomRequest(method: Method<object, object>, random: Random): Uint8Array {
  const chance = random.fraction();
  if (chance < 0.2) return noise(random, random.between(0, 60));
  const encoded = Buffer.from(wellFormed(method, random));
  return chance < 0.6 ? encoded : mutated(encoded, random);
}

function wellFormed(method: Method<object, object>, random: Random): Uint8Array {
  if (method.path === METHODS.watch.path) {
    const createRequest = {
      key: "a",
      rangeEnd: "z",
      startRevision: random.between(-1, 50),
      progressNotify: true,
      filters: [random.between(0, 3)],
      prevKv: true,
      watchId: random.between(0, 3),
      fragment: true,
    };
    return METHODS.watch.request.encode({ createRequest });
  }
  for (let attempt = 0; attempt < 30; attempt++) {
    const call = sample.next();
    if (call.method.path === method.path) return call.method.request.encode(call.request);
  }
  return method.request.encode(method.request.of({}));
}

/** Some bytes changed, left out, doubled or put in. */
function mutated(bytes: Buffer, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = random.between(1, 4); left > 0; left--) {
    const at = random.between(0, changed.length);
    const [before, behind] = [changed.subarray(0, at), changed.subarray(at)];
    const way = random.between(0, 3);
    if (way === 0 && at < changed.length) changed[at] = random.between(0, 255);
    else if (way === 1) changed = Buffer.concat([before, behind.subarray(1)]);
    else if (way === 2) changed = Buffer.concat([before, noise(random, 3), behind]);
    else changed = Buffer.concat([changed, behind]);
  }
  return changed;
}

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}
