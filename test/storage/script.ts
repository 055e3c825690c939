import { Random } from "../../src/base/random.ts";
import type { Entry, EntryId } from "../../src/log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import type { Identity, Recovered, Storage } from "../../src/storage/storage.ts";
import { step } from "../../src/testkit/suites/step.ts";

export const IDENTITY: Identity = { clusterId: "ab".repeat(16), memberId: 1, memberName: "one" };

/** What one member has in its log after some step. */
export interface LogState {
  readonly hardState: HardState;
  /** The snapshot that the log begins after. */
  readonly base: EntryId;
  readonly entries: readonly Entry[];
}

const EMPTY: LogState = {
  hardState: { term: 0, vote: undefined, commit: 0 },
  base: { index: 0, term: 0 },
  entries: [],
};

/**
 * A member that does what members do, by chance: it appends, replaces uncommitted entries, votes, commits, takes
 * snapshots of its own and receives some from a leader, and compacts. It remembers what it was told is durable.
 */
export class ScriptedMember {
  readonly #random: Random;
  /** The state after each step, the first one being empty. */
  readonly states: LogState[] = [EMPTY];
  /** The number of the last step that was called back, but for steps that need no sync. */
  acknowledged = 0;
  /** Snapshots whose commit has begun, and how many of them were called back. */
  readonly snapshots: SnapshotMetadata[] = [];
  acknowledgedSnapshots = 0;
  /** The highest commit index that was handed to the storage, and the one that was called back with a sync. */
  failure: unknown = null;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  get state(): LogState {
    return this.states.at(-1)!;
  }

  /** Makes one more move. Several may be under way at a time. */
  move(storage: Storage): void {
    const chance = this.#random.fraction();
    if (chance < 0.55) this.#append(storage);
    else if (chance < 0.65) this.#vote(storage);
    else if (chance < 0.75) this.#replace(storage);
    else if (chance < 0.85) this.#commit(storage);
    else if (chance < 0.95) this.#takeSnapshot(storage);
    else this.#receiveSnapshot(storage);
  }

  #append(storage: Storage): void {
    const { hardState, base, entries } = this.state;
    const term = Math.max(1, hardState.term);
    const next = base.index + entries.length + 1;
    const added = Array.from({ length: this.#random.between(1, 4) }, (_, at) => this.#entry(next + at, term));
    this.#save(storage, { hardState: { ...hardState, term }, entries: added }, [...entries, ...added]);
  }

  #vote(storage: Storage): void {
    const { hardState, entries } = this.state;
    const vote = { ...hardState, term: hardState.term + 1, vote: this.#random.between(1, 3) };
    this.#save(storage, { hardState: vote }, entries);
  }

  /** Another leader's entries in the place of those that were not committed. */
  #replace(storage: Storage): void {
    const { hardState, base, entries } = this.state;
    const term = hardState.term + 1;
    const from = this.#random.between(
      Math.max(hardState.commit, base.index) + 1,
      base.index + entries.length + 1,
    );
    const added = [this.#entry(from, term), this.#entry(from + 1, term)];
    const kept = entries.slice(0, from - base.index - 1);
    this.#save(storage, { hardState: { ...hardState, term, vote: undefined }, entries: added }, [
      ...kept,
      ...added,
    ]);
  }

  #commit(storage: Storage): void {
    const { hardState, base, entries } = this.state;
    const commit = this.#random.between(
      hardState.commit,
      Math.max(hardState.commit, base.index + entries.length),
    );
    this.#save(storage, { hardState: { ...hardState, commit }, mustSync: false }, entries);
  }

  #takeSnapshot(storage: Storage): void {
    const { hardState, base, entries } = this.state;
    const id = entries[hardState.commit - base.index - 1];
    if (id === undefined) return;
    this.#keepSnapshot(storage, id, () => storage.compactTo(this.#random.between(1, id.index)));
  }

  #receiveSnapshot(storage: Storage): void {
    const { hardState, base, entries } = this.state;
    const term = Math.max(1, hardState.term + this.#random.between(0, 1));
    const index = base.index + entries.length + this.#random.between(1, 5);
    // A core asks for nothing while it waits; neither do we, so that the states stay in one row.
    this.#isWaiting = true;
    this.#keepSnapshot(storage, { index, term }, () => {
      this.#isWaiting = false;
      const state = { term, vote: term === hardState.term ? hardState.vote : undefined, commit: index };
      this.#save(storage, { hardState: state, snapshot: metadataOf({ index, term }) }, [], { index, term });
    });
  }

  #isWaiting = false;

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  #keepSnapshot(storage: Storage, id: EntryId, committed: () => void): void {
    const metadata = metadataOf(id);
    if ((this.snapshots.at(-1)?.index ?? 0) >= id.index) return;
    const writer = storage.createSnapshot({ metadata, context: Uint8Array.of(id.index & 0xff) });
    writer.write(contentOf(id), (error) => {
      if (error !== null) return this.#note(error);
      this.snapshots.push(metadata);
      writer.commit((failure) => {
        if (failure !== null) return this.#note(failure);
        this.acknowledgedSnapshots = Math.max(this.acknowledgedSnapshots, id.index);
        committed();
      });
    });
  }

  #save(storage: Storage, parts: Partial<Save>, entries: readonly Entry[], base = this.state.base): void {
    const saved = step(parts);
    this.states.push({ hardState: saved.hardState ?? this.state.hardState, base, entries });
    const number = this.states.length - 1;
    storage.save(saved, (error) => {
      if (error !== null) return this.#note(error);
      if (saved.mustSync) this.acknowledged = number;
    });
  }

  #note(error: unknown): void {
    this.failure ??= error;
  }

  #entry(index: number, term: number): Entry {
    const data = new Uint8Array(this.#random.between(0, 700)).fill(this.#random.between(0, 255));
    return { index, term, kind: this.#random.fraction() < 0.1 ? "membership" : "command", data };
  }
}

export function contentOf({ index }: EntryId): Uint8Array {
  return new Uint8Array(1500).fill(index & 0xff);
}

function metadataOf({ index, term }: EntryId): SnapshotMetadata {
  return { index, term, membership: { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3] } };
}

/** What of a member must be found again: what it was told, or anything that it has done since. */
export interface Expectation {
  readonly states: readonly LogState[];
  readonly acknowledged: number;
  readonly snapshots: readonly SnapshotMetadata[];
  readonly acknowledgedSnapshot: number;
}

export function expectationOf(member: ScriptedMember): Expectation {
  return {
    states: member.states.slice(),
    acknowledged: member.acknowledged,
    snapshots: member.snapshots.slice(),
    acknowledgedSnapshot: member.acknowledgedSnapshots,
  };
}

/** Null when what was recovered is as promised, else what is wrong with it. */
export function complaintAbout(found: Recovered, due: Expectation): string | null {
  const index = found.snapshot?.metadata.index ?? 0;
  if (index < due.acknowledgedSnapshot) return `snapshot ${due.acknowledgedSnapshot} is lost, ${index} found`;
  const snapshot = due.snapshots.find((each) => each.index === index);
  if (index !== 0 && snapshot === undefined) return `snapshot ${index} was never committed`;
  const candidates = due.states.slice(due.acknowledged);
  const isOneOfThem = candidates.some((state) => fits(found, state, snapshot));
  return isOneOfThem
    ? null
    : `${describe(found)} is none of ${candidates.map((state) => describe({ ...found, ...state })).join(" | ")}`;
}

function describe(found: Pick<Recovered, "hardState" | "entries" | "snapshot">): string {
  const { term, vote, commit } = found.hardState;
  const entries = found.entries.map((each) => `${each.index}@${each.term}`).join(" ");
  return `[term ${term} vote ${vote} commit ${commit} snapshot ${found.snapshot?.metadata.index ?? 0}: ${entries}]`;
}

function fits(found: Recovered, state: LogState, snapshot: EntryId | undefined): boolean {
  const after = snapshot?.index ?? 0;
  if (state.base.index > after) return false;
  const at = state.entries[after - state.base.index - 1];
  const contains = after <= state.base.index || at?.term === snapshot?.term;
  const entries = contains ? state.entries.filter((each) => each.index > after) : [];
  return (
    fitsHardState(found, state, snapshot) &&
    sameEntries(
      found.entries.filter((each) => each.index > after),
      entries,
    )
  );
}

/** The commit index may be any that does not go beyond what is there. */
function fitsHardState(
  { hardState, entries }: Recovered,
  state: LogState,
  snapshot: EntryId | undefined,
): boolean {
  const term = Math.max(state.hardState.term, snapshot?.term ?? 0);
  const vote = state.hardState.term === term ? state.hardState.vote : undefined;
  const last = entries.at(-1)?.index ?? 0;
  const commitMax = Math.max(last, snapshot?.index ?? 0);
  return hardState.term === term && hardState.vote === vote && hardState.commit <= commitMax;
}

function sameEntries(left: readonly Entry[], right: readonly Entry[]): boolean {
  return left.length === right.length && left.every((each, at) => sameEntry(each, right[at]!));
}

export function sameEntry(left: Entry, right: Entry): boolean {
  const isSame = left.index === right.index && left.term === right.term && left.kind === right.kind;
  return (
    isSame && left.data.length === right.data.length && left.data.every((byte, at) => byte === right.data[at])
  );
}
