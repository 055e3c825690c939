import { METHODS } from "../../wire/services.ts";
import { refusal, STATUS } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import { moveLeader } from "../cluster/leader-move.ts";
import type { Services } from "../services.ts";
import { ALARM_NAMES, alarmAnswer } from "./alarms.ts";
import { sendSnapshot } from "./snapshot-stream.ts";
import { stateHash } from "./state-hash.ts";

const VALIDATE_AND_ENABLE = [0, 1];

/** What operators ask for. */
export function serveMaintenance(services: Services, front: Front): void {
  services.answer(METHODS.status, () => statusOf(front));

  services.answer(METHODS.alarm, async (request, client) => {
    const alarms = await alarmAnswer(client, request);
    return { header: front.header(), alarms };
  });

  // Memory is given back while the store runs: there is nothing to do, and etcd answers without a header.
  services.answer(METHODS.defragment, () => ({}));

  services.answer(METHODS.hash, async () => {
    const { hash } = await stateHash(front, 0);
    return { header: front.header(), hash };
  });

  services.answer(METHODS.hashKv, async ({ revision }) => {
    const { hash, revision: hashRevision } = await stateHash(front, revision);
    const { compactRevision } = front.machine.store;
    return { header: front.header(), hash, compactRevision, hashRevision };
  });

  services.stream(METHODS.snapshot, (_request, stream) => sendSnapshot(front, stream));

  services.answer(METHODS.moveLeader, async ({ targetId }) => {
    await moveLeader(front, targetId);
    return {};
  });

  services.answer(METHODS.downgrade, ({ action, version }) => {
    if (!VALIDATE_AND_ENABLE.includes(action)) throw refusal("noInflightDowngrade");
    throw refusal(/^\d+\.\d+(\.\d+)?$/.test(version) ? "invalidDowngradeVersion" : "wrongDowngradeVersion");
  });
}

/** Served by every member, with or without a leader. */
function statusOf(front: Front) {
  const { store, settings, standing } = front;
  const { commit, applied, term, members } = store.status();
  const { heldBytes, quotaBytes } = store.metrics();
  const leader = members.find(({ name }) => name === standing.leader);
  return {
    header: front.header(),
    version: settings.version,
    dbSize: heldBytes,
    dbSizeInUse: heldBytes,
    dbSizeQuota: Number.isFinite(quotaBytes) ? quotaBytes : 0,
    leader: leader === undefined ? 0n : BigInt(leader.id),
    raftIndex: BigInt(commit),
    raftTerm: BigInt(term),
    raftAppliedIndex: BigInt(applied),
    errors: errorsOf(front),
    isLearner: standing.isLearner,
    storageVersion: minorVersion(settings.version),
    downgradeInfo: { enabled: false, targetVersion: "" },
  };
}

function errorsOf(front: Front): string[] {
  return [
    ...(front.standing.leader === undefined ? [STATUS.noLeader[1]] : []),
    ...(front.isDiskFull ? [STATUS.diskFull[1]] : []),
    ...front.machine.alarms.all().map(({ kind, member }) => `memberID:${member} alarm:${ALARM_NAMES[kind]} `),
  ];
}

/** `major.minor.0`: what etcd says of a cluster's and a storage's version. */
export function minorVersion(version: string): string {
  return version.replace(/\d+$/, "0");
}
