import { describe, expect, it } from "vitest";
import type { Command } from "../../../src/kv/machine/command.ts";
import { encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import { KvMachine, type KvQuery } from "../../../src/kv/machine/kv-machine.ts";
import type { KvResult } from "../../../src/kv/machine/result.ts";
import { ALL_KEYS, singleKey } from "../../../src/kv/mvcc/key-range.ts";
import type { WatchBatch, WatchRequest } from "../../../src/kv/mvcc/watch-hub.ts";
import { AttachedKeys } from "../../../src/testkit/invariants/kv/attached-keys.ts";
import { FiniteLeases } from "../../../src/testkit/invariants/kv/finite-leases.ts";
import { KeptTime } from "../../../src/testkit/invariants/kv/kept-time.ts";
import { type KvView, viewOf } from "../../../src/testkit/invariants/kv/kv-view.ts";
import { NaiveStore } from "../../../src/testkit/invariants/kv/naive-store.ts";
import { ReadablePast } from "../../../src/testkit/invariants/kv/readable-past.ts";
import { TrueChanges } from "../../../src/testkit/invariants/kv/true-changes.ts";
import { TrueRanges } from "../../../src/testkit/invariants/kv/true-ranges.ts";
import { WholeTransactions } from "../../../src/testkit/invariants/kv/whole-transactions.ts";
import { RandomStreams } from "../../../src/testkit/simulation/chance/random-streams.ts";
import { rareQuery, rareTxn } from "../../../src/testkit/simulation/kv/kv-questions.ts";
import { structureKey } from "../../../src/testkit/structure.ts";
import { hold } from "./cases.ts";
import type { Tale } from "./tale.ts";

/** A store that executes what it is told, and a tale in which each result may be told otherwise than it was. */
class Told {
  readonly machine = new KvMachine();
  readonly tale: Tale;
  #index = 1;
  #operation = 0;

  constructor(tale: Tale) {
    this.tale = tale;
  }

  does(command: Command, told: (result: never) => unknown = (result) => result): this {
    const bytes = encodeCommand(command);
    const index = ++this.#index;
    const [result] = this.machine.apply([{ index, term: 1, time: 1, command: bytes }]);
    this.tale.execute(1, index, 0, told(result as never), 1, bytes);
    return this;
  }

  answers(query: KvQuery, told: (answer: never) => unknown = (answer) => answer): this {
    const operation = ++this.#operation;
    const output = told(this.machine.query(query) as never);
    this.tale
      .call(operation, 1, { query })
      .answer(operation, 1, { is: "answered", output, index: this.#index });
    return this;
  }

  shows(told: (view: KvView) => unknown = (view) => view): this {
    const view = structuredClone(told(viewOf(this.machine)));
    this.tale.of(1, { kind: "state", index: this.#index, hash: 1, view });
    return this;
  }

  /** What a watch that begins now is told of all that there is, told otherwise. */
  watches(request: Partial<WatchRequest>, told: (batch: WatchBatch) => WatchBatch = (batch) => batch): this {
    const { range = ALL_KEYS, from = 1, previous = false, without = null } = request;
    const began = { range, from: from ?? 1, previous, without };
    this.tale.of(1, { kind: "noted", note: { kind: "watch-began", watch: 1, ...began } });
    const watcher = this.machine.watches.watch({ range, from, previous, ...request }, () => {});
    for (let batch = watcher.take(); batch !== undefined; batch = watcher.take())
      this.tale.of(1, { kind: "noted", note: { kind: "watched", watch: 1, batch: told(batch) } });
    return this;
  }
}

const put = (key: string, value = "v", lease = ""): Command => ({ kind: "put", key, value, lease });
const grant = (lease: string, ttlMs = 1000): Command => ({ kind: "lease-grant", lease, ttlMs });
const revoke = (lease: string): Command => ({ kind: "lease-revoke", lease, renewedAt: null });
const read = (revision?: number): KvQuery => ({
  ...{ kind: "range", range: ALL_KEYS },
  ...(revision === undefined ? {} : { revision }),
});
/** Two keys, of which one was written twice. */
const filled = (tale: Tale) => new Told(tale).does(put("a", "1")).does(put("b", "1")).does(put("a", "2"));
const ifEmpty: Command = {
  ...{ kind: "txn", failure: [] },
  compares: [{ range: singleKey("a"), target: "version", relation: "equal", operand: 0 }],
  success: [put("a"), put("b")] as never,
};

hold([
  {
    make: () => new TrueRanges(),
    fires: {
      "a read leaves a key out": (tale) =>
        filled(tale).answers(read(), (answer: { versions: unknown[] }) => ({
          ...answer,
          versions: answer.versions.slice(1),
        })),
      "a count counts what was deleted": (tale) =>
        filled(tale)
          .does({ kind: "delete", range: singleKey("a") })
          .answers({ kind: "count", range: ALL_KEYS }, (answer: object) => ({ ...answer, count: 2 })),
      "a put names another previous value": (tale) =>
        filled(tale).does(put("a", "3"), (result: { previous: object }) => ({
          ...result,
          previous: { ...result.previous, version: 1 },
        })),
      "a read within a transaction does not see what came before it": (tale) =>
        filled(tale).does(
          {
            ...{ kind: "txn", compares: [], failure: [] },
            success: [
              { kind: "delete", range: ALL_KEYS },
              { kind: "count", range: ALL_KEYS, revision: null },
            ],
          },
          (result: { results: object[] }) => ({
            ...result,
            results: [result.results[0], { ...result.results[1], count: 2 }],
          }),
        ),
    },
    rests: {
      "answers are those of their moment": (tale) =>
        filled(tale)
          .answers(read())
          .does({ kind: "delete", range: { from: "a", to: "b" } })
          .answers({ kind: "count", range: ALL_KEYS })
          .answers({ ...read(), limit: 1, reverse: true } as KvQuery),
      "a question about the past is another promise": (tale) =>
        filled(tale).answers(read(2), () => ({ kind: "range", revision: 4, versions: [], more: false })),
    },
  },
  {
    make: () => new ReadablePast(),
    fires: {
      "the past is as it is now": (tale) =>
        filled(tale).answers(read(2), () => filled(tale).machine.query(read())),
      "what is compacted is read all the same": (tale) =>
        filled(tale)
          .does({ kind: "compact", revision: 3 })
          .answers(read(2), () => ({ kind: "range", revision: 4, versions: [], more: false })),
      "what can be read is refused": (tale) =>
        filled(tale)
          .does({ kind: "compact", revision: 3 })
          .answers(read(3), () => ({ kind: "refused", revision: 4, code: "ERR_COMPACTED" })),
      "a compaction is made twice": (tale) =>
        filled(tale)
          .does({ kind: "compact", revision: 3 })
          .does({ kind: "compact", revision: 3 }, () => ({ kind: "done", revision: 4 })),
    },
    rests: {
      "the compacted revision itself is read, and what lies before and behind is refused": (tale) =>
        filled(tale)
          .answers(read(2))
          .does({ kind: "compact", revision: 3 })
          .answers(read(3))
          .answers(read(2))
          .answers(read(9)),
    },
  },
  {
    make: () => new WholeTransactions(),
    fires: {
      "the other branch is taken": (tale) =>
        filled(tale).does(ifEmpty, () => ({ kind: "txn", revision: 5, succeeded: true, results: [] })),
      "two writes make two revisions": (tale) =>
        new Told(tale).does(ifEmpty, (result: object) => ({ ...result, revision: 3 })),
      "a transaction that writes a key twice is not refused": (tale) =>
        new Told(tale).does(
          { kind: "txn", compares: [], success: [put("a"), put("a")] as never, failure: [] },
          () => ({ kind: "txn", revision: 2, succeeded: true, results: [] }),
        ),
    },
    rests: {
      "it decides by the state before it": (tale) => new Told(tale).does(ifEmpty).does(ifEmpty),
    },
  },
  {
    make: () => new AttachedKeys(),
    fires: {
      "a lease takes a key that has left it": (tale) =>
        new Told(tale)
          .does(grant("1"))
          .does(put("a", "v", "1"))
          .does(put("a"))
          .does(revoke("1"), () => ({ kind: "lease-revoke", revision: 4, deleted: [{ key: "a" }] })),
      "a lease leaves a key behind": (tale) =>
        new Told(tale)
          .does(grant("1"))
          .does(put("a", "v", "1"))
          .does(revoke("1"), () => ({ kind: "lease-revoke", revision: 2, deleted: [] })),
    },
    rests: {
      "it takes what was moved to it last": (tale) =>
        new Told(tale)
          .does(grant("1"))
          .does(grant("2"))
          .does(put("a", "v", "1"))
          .does(put("b", "v", "2"))
          .does(put("b", "v", "1"))
          .does(revoke("1"))
          .does(revoke("2")),
    },
  },
  {
    make: () => new FiniteLeases(),
    fires: {
      "a lease is there long after its time": (tale) => {
        const told = new Told(tale).does(grant("1"));
        tale.role(1, "leader", 2).tell({ kind: "calm", at: 3000 }).pass(5000);
        told.does(revoke("1"));
      },
      "leaders change, and each gives time again": (tale) => {
        const told = new Told(tale).does(grant("1", 3000));
        tale.tell({ kind: "calm", at: 3000 });
        for (let term = 2; term < 12; term++)
          tale.role(1, "leader", term).pass(900).role(1, "follower", term).pass(100);
        tale.role(1, "leader", 12);
        told.does(revoke("1"));
      },
      "a lease is not ended at all": (tale) => {
        new Told(tale).does(grant("1"));
        tale.role(1, "leader", 2).tell({ kind: "calm", at: 3000 }).pass(9000);
        tale.send({ kind: "heartbeat", from: 1, to: 2, term: 1, commit: 1, readRound: 0 });
      },
    },
    rests: {
      "it was renewed meanwhile": (tale) => {
        const told = new Told(tale).does(grant("1"));
        tale.role(1, "leader", 2).tell({ kind: "calm", at: 3000 }).pass(2500);
        told.does({ kind: "lease-keep-alive", leases: ["1"] });
        tale.pass(2500);
        told.does(revoke("1"));
      },
      "new leaders give time, in all two thirds of the lease's own": (tale) => {
        const told = new Told(tale).does(grant("1", 3000));
        tale.tell({ kind: "calm", at: 3000 });
        for (const leader of [1, 2, 1, 2, 1])
          tale.role(leader, "leader", 2).pass(1000).role(leader, "follower", 2).pass(500);
        told.does(revoke("1"));
      },
      "a new leader gives time": (tale) => {
        const told = new Told(tale).does(grant("1"));
        tale.tell({ kind: "calm", at: 3000 }).pass(2500).role(2, "leader", 3).pass(2500);
        told.does(revoke("1"));
      },
      "nobody leads who could end it": (tale) => {
        new Told(tale).does(grant("1"));
        tale.role(1, "leader", 2).tell({ kind: "calm", at: 3000 }).role(1, "follower", 3).pass(9000);
        tale.send({ kind: "pre-vote", from: 1, to: 2, term: 4, last: { index: 2, term: 1 } });
      },
      "nothing is calm yet": (tale) => {
        const told = new Told(tale).does(grant("1"));
        tale.pass(50_000);
        told.does(revoke("1"));
      },
    },
  },
  {
    make: () => new KeptTime(),
    fires: {
      "a lease has less time than was agreed on": (tale) =>
        new Told(tale)
          .does(grant("1"))
          .shows((view) => ({ ...view, leases: view.leases.map((lease) => ({ ...lease, remainingMs: 1 })) })),
      "a key hangs on a lease that it has left": (tale) =>
        new Told(tale)
          .does(grant("1"))
          .does(put("a"))
          .shows((view) => ({ ...view, leases: view.leases.map((lease) => ({ ...lease, keys: ["a"] })) })),
      "a lease is gone": (tale) => new Told(tale).does(grant("1")).shows((view) => ({ ...view, leases: [] })),
    },
    rests: {
      "each lease has what it was given": (tale) =>
        new Told(tale)
          .does(grant("2"))
          .does(grant("1"))
          .does(put("a", "v", "1"))
          .does({
            kind: "lease-checkpoint",
            checkpoints: [{ lease: "1", renewedAt: 3, remainingMs: 400 }],
          })
          .shows(),
    },
  },
  {
    make: () => new TrueChanges(),
    fires: {
      "a change has another value": (tale) =>
        filled(tale).watches({ from: 2 }, (batch) => {
          if (batch.kind !== "changes") return batch;
          const changes = batch.changes.map((each) => ({ ...each, change: { ...each.change, value: "?" } }));
          return { ...batch, changes };
        }),
      "the previous value is that of another revision": (tale) =>
        filled(tale).watches({ from: 2, previous: true }, (batch) => {
          if (batch.kind !== "changes") return batch;
          return { ...batch, changes: batch.changes.map(({ change }) => ({ change, previous: null })) };
        }),
      "it tells of what is still to come": (tale) =>
        filled(tale).watches({ from: 2 }, (batch) => ({ ...batch, revision: 9 })),
      "it ends for a compaction that nobody made": (tale) =>
        filled(tale).watches({ from: 2 }, () => ({ kind: "compacted", revision: 2, compactRevision: 3 })),
      "what it was to leave out is told": (tale) => {
        const told = filled(tale).does({ kind: "delete", range: ALL_KEYS });
        const all = told.machine.watches.watch({ range: ALL_KEYS, from: 2 }, () => {}).take()!;
        told.watches({ from: 2, without: "put" }, () => all);
      },
    },
    rests: {
      "it tells what was, from where it begins": (tale) =>
        filled(tale)
          .does({ kind: "delete", range: ALL_KEYS })
          .watches({ from: 3, previous: true })
          .watches({ from: 2, without: "put", range: { from: "b", to: null } }),
      "it ends for a compaction": (tale) =>
        filled(tale).does({ kind: "compact", revision: 4 }).watches({ from: 2, previous: true }),
    },
  },
]);

describe("the model of the store", () => {
  const field = { keys: ["a", "b", "c"], leases: ["1", "2"] };

  /** Commands of the rarer kinds, drawn by one seed. */
  function commands(seed: number): Command[] {
    const chance = new RandomStreams(seed).stream("commands");
    return Array.from({ length: 60 }, (): Command => {
      const dice = chance.fraction();
      const lease = chance.pick(field.leases);
      if (dice < 0.3) return put(chance.pick(field.keys), "v", chance.happens(0.4) ? lease : "");
      if (dice < 0.4) return grant(lease);
      if (dice < 0.5) return revoke(lease);
      if (dice < 0.55) return { kind: "compact", revision: chance.between(1, 40) };
      return rareTxn(chance, field);
    });
  }

  it("says what the store says, to whatever it is asked", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const [machine, model] = [new KvMachine(), new NaiveStore()];
      const chance = new RandomStreams(seed).stream("queries");
      let index = 1;
      for (const command of commands(seed)) {
        index += 1;
        const applied = { index, term: 1, time: 1, command: encodeCommand(command) };
        const [result] = machine.apply([applied]);
        expect(withoutTexts(model.execute(command, index))).toEqual(withoutTexts(result!));
        const query = rareQuery(chance, field);
        expect(withoutTexts(model.answer(query, index))).toEqual(withoutTexts(machine.query(query)));
      }
      expect(structureKey(model.leasesAt(index).map(({ id, keys }) => [id, keys]))).toBe(
        structureKey(viewOf(machine).leases.map(({ id, keys }) => [id, keys])),
      );
    }
  });

  function withoutTexts(result: KvResult | { readonly kind: string; readonly revision: number }): unknown {
    if (result.kind !== "refused") return result;
    const { kind, revision, code } = result as { kind: string; revision: number; code: string };
    return { kind, revision, code };
  }
});
