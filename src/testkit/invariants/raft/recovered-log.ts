import type { Term } from "../../../log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../../raft/effects.ts";
import { type Check, Violation } from "../../check.ts";
import { ChainLog } from "../../simulation/seen/chain-log.ts";
import { fillLog, type MemberPicture, type Picture } from "../../simulation/seen/picture.ts";
import type { RecoveredState, SimEvent } from "../../simulation/seen/sim-event.ts";

/** What a member's disk should give back: known before it starts again. */
interface Expected {
  readonly log: ChainLog;
  readonly hardState: HardState;
  /** Steps that were under way, of which the first few may have become durable. */
  readonly inFlight: readonly Save[];
}

export class RecoveredLog implements Check {
  readonly name = "D3";
  readonly says =
    "A start finds all that was reported as durable, and beyond that whole steps that were under way, in order.";
  readonly kinds = ["stopped", "started", "wiped", "repaired", "directory-replaced"] as const;
  readonly #expected = new Map<number, Expected>();

  /** On their disks is a copy of former times, until they have started on it. */
  readonly #older = new Set<number>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "stopped") {
      if (!this.#older.has(event.member)) this.#expect(picture.member(event.member));
    } else if (event.kind === "wiped" || event.kind === "repaired") this.#expected.delete(event.member);
    else if (event.kind === "directory-replaced") {
      if (event.by !== "older copy") return;
      this.#older.add(event.member);
      this.#expected.delete(event.member);
    } else if (event.kind === "started") {
      this.#older.delete(event.member);
      const expected = this.#expected.get(event.member);
      if (expected === undefined) return;
      const complaint = complaintAbout(expected, event.recovered, picture);
      if (complaint !== null)
        throw new Violation(this, `${picture.nameOf(event.member)} starts ${complaint}.`);
    }
  }

  #expect(member: MemberPicture): void {
    this.#expected.set(member.id, expectedOf(member));
  }
}

export function expectedOf({ durable, hardState, inFlight }: MemberPicture): Expected {
  return { log: ChainLog.copyOf(durable), hardState, inFlight: [...inFlight] };
}

/** What is wrong with what was found on a disk, or null. */
export function complaintAbout(expected: Expected, found: RecoveredState, picture: Picture): string | null {
  const log = new ChainLog();
  const { snapshot, entries, hardState } = found;
  fillLog(log, snapshot, entries, picture.baseAt(snapshot));
  const candidate = { log: ChainLog.copyOf(expected.log), hardState: expected.hardState };
  for (let steps = 0; ; steps++) {
    if (isSame(candidate, snapshot, log, hardState, picture)) return null;
    const save = expected.inFlight[steps];
    if (save === undefined) break;
    if (save.snapshot !== undefined) candidate.log.restore(picture.baseAt(save.snapshot));
    candidate.log.splice(save.entries);
    if (save.hardState !== undefined) candidate.hardState = save.hardState;
  }
  const { lastIndex, lastTerm } = expected.log;
  const { term, vote } = expected.hardState;
  return `with a log up to ${log.lastIndex}/${log.lastTerm} and vote ${hardState.term}/${hardState.vote}; its disk held ${lastIndex}/${lastTerm} and ${term}/${vote}`;
}

function isSame(
  expected: { readonly log: ChainLog; readonly hardState: HardState },
  snapshot: SnapshotMetadata | undefined,
  log: ChainLog,
  found: HardState,
  picture: Picture,
): boolean {
  if (!isSameTerm(expected.hardState, found, snapshot?.term ?? 0)) return false;
  const { lastIndex, lastChain } = expected.log;
  if (lastIndex === log.lastIndex && lastChain === log.lastChain) return true;
  // A leader's snapshot may be kept while the step that begins the log after it is not: it replaces the log as well.
  if (snapshot === undefined || log.lastIndex !== snapshot.index) return false;
  return expected.log.chainAt(snapshot.index) !== picture.baseAt(snapshot).chain;
}

/** Whoever takes over a snapshot has at least come to its term. */
function isSameTerm(expected: HardState, found: HardState, snapshotTerm: Term): boolean {
  if (expected.term === found.term) return expected.vote === found.vote;
  return expected.term < snapshotTerm && found.term === snapshotTerm && found.vote === undefined;
}
