import { pack, unpack } from "../../base/codec.ts";
import type { Entry, EntryId, Index, MemberId, Term } from "../../log/entry.ts";
import type { Membership } from "../../raft/membership.ts";
import { decodeMembershipChange } from "../../raft/membership-codec.ts";
import type { Raft } from "../../raft/raft.ts";
import type { Snapshot } from "../../storage/storage.ts";
import {
  type Directory,
  type MemberPatch,
  type PackedMember,
  packMember,
  unpackMember,
} from "../members/directory.ts";
import { StateChunks } from "../state-chunks.ts";
import type { StateMachine } from "../state-machine.ts";
import type { CapturedState } from "../status.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { DedupeTable } from "./dedupe-table.ts";
import { openCommand, type Proposer, REPLICA_ORIGIN } from "./envelope.ts";
import type { AgreedCommand, Execution, ExecutionListener } from "./execution.ts";
import { decodeContext, encodeContext } from "./snapshot-context.ts";

/** The callers that wait for the results of their own commands, by sequence number. */
export interface Waiters<Result> {
  settle(sequence: number, result: Result): void;
  refuse(sequence: number, error: Error): void;
}

/** Told after each applied change of membership, with the place of its entry. */
export type MembershipListener = (entry: EntryId) => void;

/**
 * Applies what is committed: commands to the machine, in batches, and membership entries to the core and the
 * directory. It owns the replicated state that is the replica's own: sessions, directory, time.
 */
export class Applier<Command, Result, Query, Answer> {
  readonly #proposer: Proposer;
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #execution: Execution<Command, Result>;
  readonly #directory: Directory;
  readonly #settler: ExecutionListener<Result>;
  readonly #sessions = new DedupeTable();
  readonly #checkpoints: Checkpoints;
  readonly #onMembership: MembershipListener;
  #time = 0;
  #index: Index = 0;
  #term: Term = 0;

  constructor(
    proposer: Proposer,
    machine: StateMachine<Command, Result, Query, Answer>,
    execution: Execution<Command, Result>,
    directory: Directory,
    waiters: Waiters<Result>,
    checkpoints: Checkpoints,
    onMembership: MembershipListener,
  ) {
    this.#proposer = proposer;
    this.#machine = machine;
    this.#execution = execution;
    this.#directory = directory;
    this.#settler = {
      settled: ({ sequence }, result) => {
        if (sequence !== NOT_OURS) waiters.settle(sequence, result);
      },
      refused: ({ sequence }, error) => {
        if (sequence !== NOT_OURS) waiters.refuse(sequence, error);
      },
    };
    this.#checkpoints = checkpoints;
    this.#onMembership = onMembership;
  }

  /** The last applied entry. */
  get index(): Index {
    return this.#index;
  }

  get term(): Term {
    return this.#term;
  }

  /** The time of the last applied command. */
  get time(): number {
    return this.#time;
  }

  /** Applies entries in order and settles those that were proposed here. Throws ERR_APPLY when the member has to stop. */
  apply(entries: readonly Entry[], raft: Raft): void {
    let commands: AgreedCommand[] = [];
    for (const entry of entries) {
      this.#checkpoints.take(entry);
      if (entry.kind === "membership") {
        this.#execution.run(commands, this.#settler);
        commands = [];
        this.#applyMembership(entry, raft);
      } else {
        const command = this.#admitted(entry, raft.membership.voters);
        if (command !== null) commands.push(command);
      }
      if (!this.#checkpoints.isAt(entry.index)) continue;
      this.#execution.run(commands, this.#settler);
      commands = [];
      this.#checkpoints.reached(entry.index, raft.membership.voters);
    }
    this.#execution.run(commands, this.#settler);
    const last = entries.at(-1);
    if (last !== undefined) this.#moveTo(last.index, last.term);
  }

  /** Goes on from a snapshot, whose state the machine shows. Throws ERR_INCOMPATIBLE. */
  restored({ metadata, context }: Snapshot): void {
    const { members, sessions, time, log } = decodeContext(context);
    this.#directory.restore(members);
    this.#sessions.restore(sessions);
    this.#checkpoints.restored(log);
    this.#time = time;
    this.#moveTo(metadata.index, metadata.term);
  }

  /** The applied state of this moment, without what concerns only the members of this cluster. */
  capture(): Omit<CapturedState, "clusterId"> {
    return { index: this.#index, term: this.#term, time: this.#time, chunks: new StateChunks(this.#machine) };
  }

  /** What a snapshot of this moment must carry beside the machine's state. */
  context(): Uint8Array {
    return encodeContext({
      members: this.#directory.pack(),
      sessions: this.#sessions.pack(),
      time: this.#time,
      log: this.#checkpoints.log,
    });
  }

  /** The entry's command, or null when it holds none, or one that was applied already. */
  #admitted({ index, term, data }: Entry, voters: readonly MemberId[]): AgreedCommand | null {
    const envelope = openCommand(data);
    if (envelope === null) return null;
    const { origin, epoch, sequence, command: bytes } = envelope;
    if (origin === REPLICA_ORIGIN) {
      this.#checkpoints.reported(bytes, voters);
      return null;
    }
    // Whoever has left the group has no session any more: a second copy of what it proposed would be taken for a first.
    if (this.#directory.byId(origin) === undefined) return null;
    if (!this.#sessions.admit(envelope)) return null;
    this.#time = Math.max(this.#time, envelope.time);
    const isOurs = origin === this.#proposer.origin && epoch === this.#proposer.epoch;
    return { index, term, time: this.#time, bytes, sequence: isOurs ? sequence : NOT_OURS };
  }

  #applyMembership(entry: Entry, raft: Raft): void {
    const change = decodeMembershipChange(entry.data);
    const membership = raft.applyMembership(change);
    for (const member of decodeMemberNews(change.context)) this.#directory.put(member);
    for (const { id } of this.#directory.members) {
      if (takesPart(membership, id)) continue;
      this.#directory.remove(id);
      this.#sessions.drop(id);
    }
    this.#onMembership(entry);
  }

  #moveTo(index: Index, term: Term): void {
    this.#index = index;
    this.#term = term;
  }
}

const NOT_OURS = -1;

/** What a change tells of members, as its context. */
export function encodeMemberNews(members: readonly MemberPatch[]): Uint8Array {
  return pack(members.map(packMember));
}

/** What is no list of members names nobody, on every member alike: an entry that is agreed on cannot be refused any more. */
function decodeMemberNews(context: Uint8Array): MemberPatch[] {
  if (context.length === 0) return [];
  try {
    return (unpack(context) as PackedMember[]).map(unpackMember);
  } catch {
    return [];
  }
}

function takesPart({ voters, outgoing, learners }: Membership, id: MemberId): boolean {
  return voters.includes(id) || outgoing.includes(id) || learners.includes(id);
}
