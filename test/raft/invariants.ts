import { assert } from "../../src/base/assert.ts";
import type { Entry, Index, MemberId, Term } from "../../src/log/entry.ts";
import type { Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import type { Message } from "../../src/raft/message.ts";
import type { Raft } from "../../src/raft/raft.ts";
import type { Refusal } from "../../src/raft/refusal.ts";
import type { PureCluster, PureMember } from "./pure-cluster.ts";

/** What must hold at every moment, whatever the network and the disks do (Raft, figure 3, and what follows from it). */
export class Invariants {
  readonly #leaders = new Map<Term, string>();
  readonly #votes = new Map<string, MemberId>();
  /** Every entry that was ever in a log, by its id. */
  readonly #entries = new Map<string, string>();
  /** Every entry that some member took for committed. */
  readonly #committed = new Map<Index, { term: Term; text: string; committedIn: Term }>();
  #committedTo: Index = 0;
  readonly #commitOf = new Map<MemberId, Index>();
  readonly #reads = new Map<string, Index>();

  begin({ index }: SnapshotMetadata): void {
    this.#committedTo = index;
  }

  /** A member has gone down: what it had not saved it may forget. */
  forget(id: MemberId): void {
    this.#commitOf.delete(id);
    for (const key of this.#reads.keys()) if (key.startsWith(`${id}:`)) this.#reads.delete(key);
  }

  /** A member votes for one candidate in a term, whatever it forgets (5.2). */
  sent(message: Message): void {
    if (message.kind !== "vote-reply" || !message.granted) return;
    const key = `${message.from} in ${message.term}`;
    const before = this.#votes.get(key);
    assert(before === undefined || before === message.to, `${key} voted for ${before} and ${message.to}`);
    this.#votes.set(key, message.to);
  }

  /** Two entries with the same id are the same and follow the same entry, so that logs that share an id share all before it (5.3). */
  logged(id: MemberId, save: Save, raft: Raft): void {
    for (const entry of save.entries) {
      const place = `${entry.term}/${entry.index}`;
      const before = raft.log.termAt(entry.index - 1);
      if (before === undefined || !raft.log.matches(entry)) continue;
      const text = `${before} then ${textOf(entry)}`;
      const known = this.#entries.get(place);
      assert(
        known === undefined || known === text,
        `member ${id} has another entry ${place}: ${text}, not ${known}`,
      );
      this.#entries.set(place, text);
    }
  }

  /** No two members apply different entries at the same index (5.4.3). */
  applied(id: MemberId, entry: Entry): void {
    const known = this.#committed.get(entry.index);
    assert(known !== undefined, `member ${id} applies ${entry.index}, which nobody has committed`);
    assert(known.text === textOf(entry), `member ${id} applies another entry at ${entry.index}`);
  }

  readBegan(id: MemberId, request: number): void {
    this.#reads.set(`${id}:${request}`, this.#committedTo);
  }

  /** A read sees all that anyone took for committed when it began. */
  readEnded(id: MemberId, request: number, result: Index | Refusal): void {
    const began = this.#reads.get(`${id}:${request}`);
    this.#reads.delete(`${id}:${request}`);
    if (typeof result !== "number" || began === undefined) return;
    assert(result >= began, `member ${id} reads at ${result}, but ${began} was committed when it began`);
  }

  check(cluster: PureCluster, member: PureMember): void {
    const { raft, id } = member;
    assert(
      raft.failure === undefined,
      `member ${id} has failed: ${raft.failure?.reason} ${JSON.stringify(raft.failure?.dump)}`,
    );
    this.#checkLeader(member);
    this.#checkCommit(cluster, member);
  }

  /** At most one leader in a term, and only once (5.2); and it holds all that was committed in earlier terms (5.4). */
  #checkLeader({ raft, id, starts }: PureMember): void {
    if (raft.role !== "leader") return;
    const self = `${id}, start ${starts}`;
    const known = this.#leaders.get(raft.term);
    assert(known === undefined || known === self, `both ${known} and ${self} lead in term ${raft.term}`);
    if (known !== undefined) return;
    this.#leaders.set(raft.term, self);
    for (const [index, { term, committedIn }] of this.#committed) {
      // A leader of an older term may be elected late, by votes that were long under way, and can commit nothing any more.
      if (index <= raft.log.base.index || committedIn >= raft.term) continue;
      assert(
        raft.log.termAt(index) === term,
        `${self} leads in term ${raft.term} without entry ${term}/${index}`,
      );
    }
  }

  #checkCommit(cluster: PureCluster, member: PureMember): void {
    const { raft, id } = member;
    const { committed, base } = raft.log;
    const before = this.#commitOf.get(id) ?? 0;
    assert(committed >= before, `the commit index of member ${id} went back from ${before} to ${committed}`);
    this.#commitOf.set(id, committed);
    for (let index = Math.max(before, base.index) + 1; index <= committed; index++) {
      this.#checkCommitted(cluster, id, raft.log.entryAt(index));
    }
    this.#committedTo = Math.max(this.#committedTo, committed);
  }

  #checkCommitted(cluster: PureCluster, id: MemberId, entry: Entry): void {
    const known = this.#committed.get(entry.index);
    const text = textOf(entry);
    if (known === undefined) {
      // The first one to know is the leader that has committed it.
      this.#committed.set(entry.index, { term: entry.term, text, committedIn: cluster.raft(id).term });
      this.#checkDurable(cluster, id, entry);
      return;
    }
    assert(known.term === entry.term && known.text === text, () => {
      return `member ${id} commits ${entry.term}/${entry.index}, but ${known.term}/${entry.index} was committed`;
    });
  }

  /** Whoever commits an entry first knows that the disks of a majority hold it, of each half of the configuration. */
  #checkDurable(cluster: PureCluster, id: MemberId, { index, term }: Entry): void {
    const { voters, outgoing } = cluster.raft(id).membership;
    for (const half of [voters, outgoing]) {
      const durable = half.filter((voter) => cluster.members.get(voter)?.disk.holds(index, term));
      assert(
        durable.length >= majority(half),
        `member ${id} commits ${term}/${index}, which only ${durable} of ${half} hold`,
      );
    }
  }
}

function majority(ids: readonly MemberId[]): number {
  return ids.length === 0 ? 0 : Math.floor(ids.length / 2) + 1;
}

function textOf({ kind, data }: Entry): string {
  return `${kind} ${[...data].join(" ")}`;
}
