import { pack, unpack } from "../base/codec.ts";
import { QuorateError } from "../base/errors.ts";
import type { Entry, EntryId, Index, MemberId, Term } from "../log/entry.ts";
import type { Membership } from "../raft/membership.ts";
import { decodeMembershipChange } from "../raft/membership-codec.ts";
import type { Raft } from "../raft/raft.ts";
import {
  type Directory,
  type MemberRecord,
  type PackedMember,
  packMember,
  unpackMember,
} from "./directory.ts";
import { openCommand } from "./envelope.ts";
import type { Proposals } from "./proposals.ts";
import { Sessions } from "./sessions.ts";
import { decodeContext, encodeContext } from "./snapshot-context.ts";
import type { Applied, Codec, StateMachine } from "./state-machine.ts";

/** Told after each applied change of membership, with the place of its entry. */
export type MembershipListener = (entry: EntryId) => void;

/**
 * Applies what is committed: commands to the machine, in batches, and membership entries to the core and the
 * directory. It owns the replicated state that is the replica's own: sessions, directory, time.
 */
export class Applier<Command, Result, Query, Answer> {
  readonly #origin: MemberId;
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #codec: Codec<Command>;
  readonly #directory: Directory;
  readonly #proposals: Proposals<Result>;
  readonly #sessions = new Sessions();
  readonly #onMembership: MembershipListener;
  #time = 0;
  #index: Index = 0;
  #term: Term = 0;

  constructor(
    origin: MemberId,
    machine: StateMachine<Command, Result, Query, Answer>,
    codec: Codec<Command>,
    directory: Directory,
    proposals: Proposals<Result>,
    onMembership: MembershipListener,
  ) {
    this.#origin = origin;
    this.#machine = machine;
    this.#codec = codec;
    this.#directory = directory;
    this.#proposals = proposals;
    this.#onMembership = onMembership;
  }

  /** The last applied entry. */
  get index(): Index {
    return this.#index;
  }

  get term(): Term {
    return this.#term;
  }

  /** Applies entries in order and settles those that were proposed here. Throws ERR_APPLY when the machine throws. */
  apply(entries: readonly Entry[], raft: Raft): void {
    let batch: Applied<Command>[] = [];
    let sequences: number[] = [];
    for (const entry of entries) {
      if (entry.kind === "membership") {
        this.#applyCommands(batch, sequences);
        batch = [];
        sequences = [];
        this.#applyMembership(entry, raft);
      } else {
        const envelope = openCommand(entry.data);
        if (envelope === null) continue;
        const { origin, sequence, settledBelow } = envelope;
        if (!this.#sessions.admit(origin, sequence, settledBelow)) continue;
        this.#time = Math.max(this.#time, envelope.time);
        const { index, term } = entry;
        batch.push({ index, term, time: this.#time, command: this.#decode(index, envelope.command) });
        sequences.push(origin === this.#origin ? sequence : NOT_OURS);
      }
    }
    this.#applyCommands(batch, sequences);
    const last = entries.at(-1);
    if (last !== undefined) this.#moveTo(last.index, last.term);
  }

  /** Takes over the state of a snapshot, whole. */
  restore(index: Index, term: Term, context: Uint8Array, chunks: Iterable<Uint8Array>): void {
    const { members, sessions, time } = decodeContext(context);
    this.#machine.restore(chunks);
    this.#directory.restore(members);
    this.#sessions.restore(sessions);
    this.#time = time;
    this.#moveTo(index, term);
  }

  /** What a snapshot of this moment must carry beside the machine's state. */
  context(): Uint8Array {
    return encodeContext({
      members: this.#directory.pack(),
      sessions: this.#sessions.pack(),
      time: this.#time,
    });
  }

  #applyCommands(batch: readonly Applied<Command>[], sequences: readonly number[]): void {
    if (batch.length === 0) return;
    const results = this.#results(batch);
    for (let at = 0; at < sequences.length; at++) {
      if (sequences[at] !== NOT_OURS) this.#proposals.settle(sequences[at]!, results[at]!);
    }
  }

  #results(batch: readonly Applied<Command>[]): readonly Result[] {
    const index = batch[0]!.index;
    try {
      const results = this.#machine.apply(batch);
      if (results.length === batch.length) return results;
      throw new TypeError(`apply returned ${results.length} results for ${batch.length} commands`);
    } catch (cause) {
      throw applyError(index, cause);
    }
  }

  #decode(index: Index, command: Uint8Array): Command {
    try {
      return this.#codec.decode(command);
    } catch (cause) {
      throw applyError(index, cause);
    }
  }

  #applyMembership(entry: Entry, raft: Raft): void {
    const change = decodeMembershipChange(entry.data);
    const membership = raft.applyMembership(change);
    for (const member of unpackMembers(change.context)) this.#directory.put(member);
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

function applyError(index: Index, cause: unknown): QuorateError {
  const message = `the state machine threw while applying the commands from index ${index} on`;
  return new QuorateError("ERR_APPLY", message, { index }, { outcome: "unknown", cause });
}

/** The members that a change brings in, as its context. */
export function packMembers(members: readonly MemberRecord[]): Uint8Array {
  return pack(members.map(packMember));
}

/** What is no list of members names nobody, on every member alike: an entry that is agreed on cannot be refused any more. */
function unpackMembers(context: Uint8Array): MemberRecord[] {
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
