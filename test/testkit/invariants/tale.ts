import { encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import type { Entry, Index, MemberId, Term } from "../../../src/log/entry.ts";
import type { HardState, RoleKind, Save, SnapshotMetadata } from "../../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP, type MemberChange, type Membership } from "../../../src/raft/membership.ts";
import { encodeMembershipChange } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import { type Check, Violation, Watchmen } from "../../../src/testkit/check.ts";
import { Picture } from "../../../src/testkit/simulation/seen/picture.ts";
import type {
  Ending,
  MemberEvent,
  RecoveredState,
  SimEvent,
} from "../../../src/testkit/simulation/seen/sim-event.ts";

export const THREE: Membership = { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3] };

/** Events of a cluster of three, told by hand. */
export class Tale {
  readonly picture = new Picture();
  readonly #watchmen: Watchmen;
  #at = 0;

  constructor(...checks: readonly Check[]) {
    this.#watchmen = new Watchmen(this.picture, checks);
    const names = new Map([1, 2, 3].map((id) => [id, `n${id}`]));
    this.tell({ kind: "founded", at: 0, snapshot: { index: 1, term: 1, membership: THREE }, names });
    for (const member of [1, 2, 3]) this.start(member, FOUNDED);
  }

  tell(event: SimEvent): this {
    this.#watchmen.observe(event);
    return this;
  }

  of(member: MemberId, event: DistributiveOmit<MemberEvent, "member">): this {
    this.#at += 1000;
    return this.tell({ at: this.#at, member, ...event } as SimEvent);
  }

  start(member: MemberId, recovered: RecoveredState, start = 1): this {
    return this.of(member, { kind: "started", start, recovered });
  }

  stop(member: MemberId, how: "kill" | "failed" = "kill", reason?: string): this {
    return this.of(member, { kind: "stopped", how, ...(reason === undefined ? {} : { reason }) });
  }

  /** Hands a step to the disk; `finish` makes it durable. */
  saving(member: MemberId, step: Partial<Save>, cause: Message["kind"] | undefined = undefined): Save {
    const save: Save = {
      ...{
        hardState: undefined,
        entries: [],
        snapshot: undefined,
        mustSync: true,
        sendAfter: [],
        last: undefined,
        term: 1,
      },
      ...step,
    };
    this.of(member, { kind: "saving", save, cause });
    return save;
  }

  saved(member: MemberId, step: Partial<Save>): this {
    return this.of(member, { kind: "saved", save: this.saving(member, step) });
  }

  finish(member: MemberId, save: Save): this {
    return this.of(member, { kind: "saved", save });
  }

  votes(member: MemberId, term: Term, vote: MemberId | undefined): this {
    return this.saved(member, { hardState: { term, vote, commit: 1 } });
  }

  role(member: MemberId, role: RoleKind, term: Term): this {
    return this.of(member, { kind: "role", role, term, leader: role === "leader" ? member : undefined });
  }

  commit(member: MemberId, to: Index, term: Term, role: RoleKind = "leader", membership = THREE): this {
    return this.of(member, { kind: "committed", to, through: to, term, role, membership });
  }

  apply(member: MemberId, entry: Entry): this {
    return this.of(member, { kind: "applied", entry });
  }

  send(message: Message): this {
    return this.of(message.from, { kind: "sent", message, id: 1 });
  }

  call(operation: number, member: MemberId, input: unknown = null): this {
    return this.tell({ kind: "called", at: this.#at, operation, client: 0, member, input });
  }

  answer(operation: number, member: MemberId, ending: Ending): this {
    return this.tell({ kind: "returned", at: this.#at, operation, client: 0, member, ending });
  }

  /** Lets milliseconds pass. */
  pass(ms: number): this {
    this.#at += ms * 1000;
    return this;
  }

  execute(
    member: MemberId,
    index: Index,
    operation: number,
    result: unknown = null,
    time = 1,
    command: Uint8Array = NOTHING,
  ): this {
    const applied = { index, term: 1, time, command, random: () => 0 };
    return this.of(member, { kind: "executed", operation, applied, result });
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

export const FOUNDED: RecoveredState = {
  hardState: { term: 1, vote: undefined, commit: 1 },
  snapshot: { index: 1, term: 1, membership: THREE },
  entries: [],
};

export function recovered(entries: readonly Entry[], hardState: Partial<HardState> = {}): RecoveredState {
  return { ...FOUNDED, entries, hardState: { ...FOUNDED.hardState, ...hardState } };
}

export function entry(index: Index, term: Term, text = ""): Entry {
  return { index, term, kind: "command", data: new TextEncoder().encode(text) };
}

export function change(index: Index, term: Term, ...changes: readonly MemberChange[]): Entry {
  const data = encodeMembershipChange({ transition: "auto", changes, context: new Uint8Array(0) });
  return { index, term, kind: "membership", data };
}

export function snapshotAt(index: Index, term: Term): SnapshotMetadata {
  return { index, term, membership: THREE };
}

/** The name of the check that objects, or null when none does. */
export function objection(tell: () => unknown): string | null {
  try {
    tell();
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.invariant;
    throw error;
  }
}

/** A command that does not matter. */
const NOTHING = encodeCommand({ kind: "compact", revision: 0 });
