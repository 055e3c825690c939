import type { MemberId } from "../../log/entry.ts";

/** Why calls are refused: the store holds as much as it may, or its members were found to differ. */
export const ALARM_KINDS = ["no-space", "corrupt"] as const;

/**
 * What an alarm is about: `no-space`, a member has reached its quota; `corrupt`, members were found to differ
 * (etcd: AlarmType).
 */
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** An alarm, and the member that it is about. */
export interface Alarm {
  readonly kind: AlarmKind;
  readonly member: MemberId;
}

/** Alarms that may stand at a time. They are about members, of which there are few. */
export const ALARMS_MAX = 255;

/** The alarms that stand: replicated state, so that all members refuse the same. */
export class Alarms {
  readonly #members: Readonly<Record<AlarmKind, Set<MemberId>>> = {
    "no-space": new Set(),
    corrupt: new Set(),
  };

  isRaised(kind: AlarmKind): boolean {
    return this.#members[kind].size > 0;
  }

  /** In the order of kinds, and of members within a kind: the same on every member. */
  all(): Alarm[] {
    return ALARM_KINDS.flatMap((kind) =>
      [...this.#members[kind]].sort((one, other) => one - other).map((member) => ({ kind, member })),
    );
  }

  /** False when too many stand. */
  raise({ kind, member }: Alarm): boolean {
    const members = this.#members[kind];
    if (!members.has(member) && this.all().length >= ALARMS_MAX) return false;
    members.add(member);
    return true;
  }

  /** Null lowers it for every member. */
  lower(kind: AlarmKind, member: MemberId | null): void {
    if (member === null) this.#members[kind].clear();
    else this.#members[kind].delete(member);
  }
}
