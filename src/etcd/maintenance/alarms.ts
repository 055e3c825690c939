import { ALARM_KINDS, type Alarm } from "../../kv/machine/alarms.ts";
import type { AlarmMember, AlarmRequest } from "../../wire/maintenance-messages.ts";
import { refusal } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";

/** By etcd's numbers. */
const ALARM_NUMBERS: Readonly<Record<Alarm["kind"], number>> = { "no-space": 1, corrupt: 2 };

export const ALARM_NAMES: Readonly<Record<Alarm["kind"], string>> = {
  "no-space": "NOSPACE",
  corrupt: "CORRUPT",
};

const EVERY_KIND = 0;
const GET = 0;
const ACTIVATE = 1;

/** Shows alarms, raises one or lowers one, and gives those that the request was about. */
export async function alarmAnswer(
  client: Caller,
  { action, memberId, alarm: number }: AlarmRequest,
): Promise<AlarmMember[]> {
  const { front } = client;
  await front.linearize();
  const standing = front.machine.alarms.all().map(shown);
  if (action === GET)
    return [...standing, ...fullDisk(front)].filter(
      ({ alarm }, at, all) =>
        (number === EVERY_KIND || alarm === number) && all.findIndex((one) => isSame(one, all[at]!)) === at,
    );

  const kind = ALARM_KINDS.find((each) => ALARM_NUMBERS[each] === number);
  if (kind === undefined) return [];
  const isRaised = action === ACTIVATE;
  const command = { kind: "alarm", alarm: kind, member: Number(memberId), isRaised } as const;
  client.check(command);
  const isStanding = standing.some((each) => each.memberId === memberId && each.alarm === number);
  if (isRaised) checkMember(front, memberId);
  else if (!isStanding) return [];
  await client.propose(command, "done");
  return [{ memberId, alarm: number }];
}

/**
 * A member whose disk is full takes no writes, which etcd's tools learn by an alarm and by nothing else. This one is of the
 * member that is asked, is in nobody's log, and ends when there is room again; to disarm it changes nothing.
 */
function fullDisk(front: Front): AlarmMember[] {
  return front.isDiskFull ? [{ memberId: front.memberId, alarm: ALARM_NUMBERS["no-space"] }] : [];
}

function isSame(left: AlarmMember, right: AlarmMember): boolean {
  return left.memberId === right.memberId && left.alarm === right.alarm;
}

function shown({ kind, member }: Alarm): AlarmMember {
  return { memberId: BigInt(member), alarm: ALARM_NUMBERS[kind] };
}

/** Alarms are about members, or, as number 0, about none in particular: so there can only be few. */
function checkMember(front: Front, memberId: bigint): void {
  const isKnown = front.store.cluster.members.some(({ id }) => BigInt(id) === memberId);
  if (memberId !== 0n && !isKnown) throw refusal("memberNotFound");
}
