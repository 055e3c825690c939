import { blob, bool, enumeration, int64, text, texts, uint32, uint64 } from "./field.ts";
import { header } from "./header.ts";
import { type MessageOf, message, nested, nestedList } from "./message.ts";

export const ALARM_TYPES = ["NONE", "NOSPACE", "CORRUPT"];
export const ALARM_ACTIONS = ["GET", "ACTIVATE", "DEACTIVATE"];
export const DOWNGRADE_ACTIONS = ["VALIDATE", "ENABLE", "CANCEL"];

const alarmRequestFields = {
  action: enumeration(1, ALARM_ACTIONS),
  memberId: uint64(2, "memberID"),
  alarm: enumeration(3, ALARM_TYPES),
};
export type AlarmRequest = MessageOf<typeof alarmRequestFields>;
export const AlarmRequest = message(alarmRequestFields);

const alarmMemberFields = { memberId: uint64(1, "memberID"), alarm: enumeration(2, ALARM_TYPES) };
export type AlarmMember = MessageOf<typeof alarmMemberFields>;
export const AlarmMember = message(alarmMemberFields);
export const AlarmResponse = message({ header, alarms: nestedList(2, () => AlarmMember) });

export const DowngradeInfo = message({ enabled: bool(1), targetVersion: text(2, "targetVersion") });
export const StatusResponse = message({
  header,
  version: text(2),
  dbSize: int64(3, "dbSize"),
  leader: uint64(4),
  raftIndex: uint64(5, "raftIndex"),
  raftTerm: uint64(6, "raftTerm"),
  raftAppliedIndex: uint64(7, "raftAppliedIndex"),
  errors: texts(8),
  dbSizeInUse: int64(9, "dbSizeInUse"),
  isLearner: bool(10, "isLearner"),
  storageVersion: text(11, "storageVersion"),
  dbSizeQuota: int64(12, "dbSizeQuota"),
  downgradeInfo: nested(13, () => DowngradeInfo),
});

export const HashResponse = message({ header, hash: uint32(2) });
export const HashKvRequest = message({ revision: int64(1) });
export const HashKvResponse = message({
  header,
  hash: uint32(2),
  compactRevision: int64(3),
  hashRevision: int64(4),
});

export const SnapshotResponse = message({
  header,
  remainingBytes: uint64(2),
  blob: blob(3),
  version: text(4),
});

export const MoveLeaderRequest = message({ targetId: uint64(1, "targetID") });

export const DowngradeRequest = message({ action: enumeration(1, DOWNGRADE_ACTIONS), version: text(2) });
export const DowngradeResponse = message({ header, version: text(2) });
