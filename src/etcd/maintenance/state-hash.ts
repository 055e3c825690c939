import type { Revision } from "../../kv/mvcc/key-history.ts";
import { hashSteps } from "../../kv/mvcc/state-hash.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import { checkReadable } from "../kv/range-request.ts";

/** A checksum of the keys as they were at `revision`, 0 for now: equal on all members that can still read it. */
export async function stateHash(
  front: Front,
  revision: Revision,
): Promise<{ readonly hash: number; readonly revision: Revision }> {
  const { store } = front.machine;
  checkReadable(revision, store);
  const hashed = revision <= 0 ? store.revision : revision;
  const steps = hashSteps(store, hashed);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) {
      if (step.value === null) throw refusal("compacted");
      return { hash: step.value, revision: hashed };
    }
    await new Promise<void>((resolve) => front.clock.soon(resolve));
  }
}
