import { rpcErrorOf } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import { ALARM_NAMES } from "../maintenance/alarms.ts";

/** Something that must hold for a member to be healthy. Resolves with the reason why not, or null. */
type Check = (front: Front) => Promise<string | null>;

const serializableRead: Check = async (front) => {
  return front.failure === null ? null : front.failure.message;
};

const linearizableRead: Check = async (front) => {
  try {
    await front.linearize();
    return null;
  } catch (error) {
    return rpcErrorOf(error).message;
  }
};

const dataCorruption: Check = async (front) => {
  return front.machine.alarms.isRaised("corrupt") ? "alarm activated: CORRUPT" : null;
};

const diskSpace: Check = async (front) => (front.isDiskFull ? DISK_FULL : null);

const nonLearner: Check = async (front) => (front.standing.isLearner ? "member is a learner" : null);

const DISK_FULL = "the disk is full: writes are refused until there is room";

/** Whether to restart the member, and whether to send it clients: what orchestrators ask. */
export const PROBES: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  livez: { serializable_read: serializableRead },
  readyz: {
    data_corruption: dataCorruption,
    disk_space: diskSpace,
    serializable_read: serializableRead,
    linearizable_read: linearizableRead,
    non_learner: nonLearner,
  },
};

/** etcd's older question, in its order: alarms, a leader, a read; and before these whether there is room on the disk. Resolves with the reason of ill health, or null. */
export async function whyUnhealthy(
  front: Front,
  excluded: readonly string[],
  isSerializable: boolean,
): Promise<string | null> {
  if (front.isDiskFull) return DISK_FULL;
  const names = front.machine.alarms.all().map(({ kind }) => ALARM_NAMES[kind]);
  const alarm = names.find((name) => !excluded.includes(name));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!isSerializable && front.standing.leader === undefined) return "RAFT NO LEADER";
  const reason = await (isSerializable ? serializableRead : linearizableRead)(front);
  return reason === null ? null : `RANGE ERROR:${reason}`;
}
