import { invalidArgument, type QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import type { Recovered, SnapshotReader, Storage } from "../storage/storage.ts";
import { type MemberRecord, newMember } from "./members/directory.ts";
import { checkMemberNames, firstClusterId, firstMemberId } from "./members/identity.ts";
import { decodeTicket } from "./members/ticket.ts";
import { checkFrames, type ReplicaOptions, replicaLimits } from "./options.ts";
import { attempt, found, isUnused } from "./snapshots/snapshot-recovery.ts";
import { StateChunks } from "./state-chunks.ts";

/** Who a member is, by its options alone: the same at every start. */
export interface Enrolment {
  readonly clusterId: string;
  readonly self: MemberRecord;
  /** Everybody whom the options tell of, this member included. */
  readonly members: readonly MemberRecord[];
  /** Whether the member was added to a cluster that others founded. */
  readonly isJoining: boolean;
}

/** What a member starts from. */
export interface OpenedStorage {
  readonly enrolment: Enrolment;
  readonly recovered: Recovered;
  /** Open for reading; whoever takes it closes it. Undefined for a member that has joined and was not sent anything yet. */
  readonly snapshot: SnapshotReader | undefined;
}

/** Here the machine matters by its first state only. */
type Options = Omit<ReplicaOptions<never, unknown, never, unknown>, "codec" | "machine" | "storage"> & {
  readonly machine: { snapshot(): Iterable<Uint8Array> };
  readonly storage: Storage & Required<Pick<Storage, "openInSlices">>;
};

/** Opens the storage, and founds the cluster where it is new. After a failure the storage is closed again. */
export function openStorage(options: Options, done: (error: unknown, opened?: OpenedStorage) => void): void {
  checkFrames(replicaLimits(options.limits), options.transport);
  const enrolment = enrol(options);
  const { clusterId, self, members, isJoining } = enrolment;
  const { storage, machine } = options;
  storage.openInSlices({ clusterId, memberId: self.id, memberName: self.name }, (failure, recovered) => {
    if (recovered === undefined) return done(failure);
    const fail = (error: unknown): void => storage.close(() => done(error));
    const finish = (error: QuorateError | null): void => {
      if (error !== null) {
        fail(error);
        return;
      }
      attempt(() => {
        const snapshot = storage.openSnapshot();
        return () => done(null, { enrolment, recovered, snapshot });
      }, fail)?.();
    };
    if (isUnused(recovered) && !isJoining)
      attempt(() => found(storage, members, { chunks: new StateChunks(machine), time: 0 }, finish), fail);
    else finish(null);
  });
}

function enrol(options: Options): Enrolment {
  return options.join === undefined ? enrolAsFounder(options) : enrolByTicket(options.name, options.join);
}

/** The first members' ids, and their cluster's, follow from what they were all told alike. */
function enrolAsFounder({ name, peers, cluster = "" }: Options): Enrolment {
  const names = Object.keys(peers);
  checkMemberNames(names);
  const members = Object.entries(peers).map(([peer, address]) =>
    memberRecord(firstMemberId(peer), peer, address),
  );
  const self = members.find((member) => member.name === name);
  if (self !== undefined)
    return { clusterId: firstClusterId(cluster, names), self, members, isJoining: false };
  throw invalidArgument("peers", names, `peers must name every member, ${name} included`);
}

function enrolByTicket(name: string, join: string): Enrolment {
  const { clusterId, id, members } = decodeTicket(join);
  const self = members.find((member) => member.id === id);
  if (self?.name === name) return { clusterId, self, members, isJoining: true };
  throw invalidArgument("name", name, `the ticket is for ${self?.name ?? "nobody"}, not for ${name}`);
}

function memberRecord(id: MemberId, name: string, address: string): MemberRecord {
  return { ...newMember(id), name, address, votes: true };
}
