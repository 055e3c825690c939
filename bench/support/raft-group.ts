import { Random } from "../../src/base/random.ts";
import type { MemberId, Proposal } from "../../src/log/entry.ts";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import type { Message } from "../../src/raft/message.ts";
import { Raft } from "../../src/raft/raft.ts";

/** A log is cut to so many entries when it has twice as many. */
const LOG_ENTRIES = 10_000;

interface Member {
  readonly raft: Raft;
  readonly inbox: Message[];
}

/** Members that live in turns, as in a replica: take all messages, then do what the core wants. */
export class RaftGroup {
  readonly #members: Member[];
  readonly #pass: (message: Message) => Message;
  readonly #logEntries: number;
  #request = 1;

  constructor(size: number, pass: (message: Message) => Message, logEntries = LOG_ENTRIES) {
    this.#pass = pass;
    this.#logEntries = logEntries;
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    const snapshot = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters } };
    const hardState = { term: 1, vote: undefined, commit: 1 };
    this.#members = voters.map((id: MemberId) => {
      const environment = { random: new Random(id), latestSnapshot: () => undefined };
      return {
        raft: new Raft({ id }, { hardState, snapshot, entries: [], applied: 1 }, environment),
        inbox: [],
      };
    });
    this.#leader.raft.campaign();
    while (this.#leader.raft.log.applied < 2) this.#turns();
  }

  get #leader(): Member {
    return this.#members[0]!;
  }

  /** Proposes side by side and waits until the leader has applied them. The followers hear of it with the next ones. */
  propose(proposals: readonly Proposal[]): void {
    const { raft } = this.#leader;
    const refusal = raft.propose(this.#request++, proposals);
    if (refusal !== undefined) throw new Error(`refused: ${refusal.refused}`);
    const end = raft.log.lastIndex;
    while (raft.log.applied < end) this.#turns();
    if (raft.log.lastIndex - raft.log.base.index > 2 * this.#logEntries) this.#compact();
  }

  /** A heartbeat's worth of time for all members. */
  tick(): void {
    for (const { raft } of this.#members) raft.tick();
    this.#turns();
    this.#turns();
  }

  #turns(): void {
    for (const member of this.#members) {
      const { raft, inbox } = member;
      for (let at = 0; at < inbox.length; at++) raft.step(this.#pass(inbox[at]!));
      inbox.length = 0;
      while (raft.hasEffects()) this.#perform(raft);
    }
  }

  #perform(raft: Raft): void {
    const { sendNow, save, apply } = raft.takeEffects();
    for (const message of sendNow) this.#members[message.to - 1]!.inbox.push(message);
    if (save !== undefined) raft.saved(save);
    if (apply.length > 0) raft.applied(apply[apply.length - 1]!.index);
  }

  #compact(): void {
    for (const { raft } of this.#members) raft.compactTo(raft.log.applied - this.#logEntries);
  }
}
