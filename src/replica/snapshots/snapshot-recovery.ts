import type { Done } from "../../base/callback.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../raft/membership.ts";
import type { Recovered, SnapshotReader, Storage } from "../../storage/storage.ts";
import { encodeContext } from "../apply/snapshot-context.ts";
import { failureBy } from "../failure.ts";
import { type MemberRecord, packMember } from "../members/directory.ts";
import type { CapturedState } from "../status.ts";

/** The id of the snapshot that every cluster begins with. */
const FIRST = { index: 1, term: 1 };

/** Whether nothing was ever promised from this storage, so that the member may found a cluster or join one. */
export function isUnused(recovered: Recovered): boolean {
  const { snapshot, entries, hardState } = recovered;
  return snapshot === undefined && entries.length === 0 && hardState.term === 0;
}

/**
 * Founds a cluster: writes the snapshot that all first members write alike, with the machine's first state and the
 * membership, or with the state of another cluster. A cluster begins as a snapshot, so that whoever joins later, with an empty log, is sent one like any
 * other follower that lags.
 */
export function found(
  storage: Storage,
  members: readonly MemberRecord[],
  { chunks, time }: Pick<CapturedState, "chunks" | "time">,
  done: Done,
): void {
  const voters = members.map(({ id }) => id).sort((left, right) => left - right);
  const membership: Membership = { ...EMPTY_MEMBERSHIP, voters };
  const context = encodeContext({ members: members.map(packMember), sessions: [], time, log: 0 });
  const writer = storage.createSnapshot({ metadata: { ...FIRST, membership }, context });

  const rest = chunks[Symbol.iterator]();
  const writeNext: Done = (error) => {
    if (error !== null) return done(error);
    const next = attempt(() => rest.next(), fail);
    if (next === undefined) return;
    if (next.done === true) writer.commit(done);
    else writer.write(next.value, writeNext);
  };
  const fail = (error: unknown): void => {
    writer.abort();
    done(failureBy(error));
  };
  writeNext(null);
}

/** What it gives; undefined after it has thrown, which `fail` is told. */
export function attempt<Value>(run: () => Value, fail: (error: unknown) => void): Value | undefined {
  try {
    return run();
  } catch (error) {
    fail(error);
    return undefined;
  }
}

/** The chunks of a snapshot, for start-up. */
export function* chunksOf(reader: SnapshotReader): Iterable<Uint8Array> {
  for (let chunk = reader.readSync(); chunk !== undefined; chunk = reader.readSync()) yield chunk;
}
