import { describe, expectTypeOf, it } from "vitest";
import type { KvEntry, Scan, Store, Tx, Watch, WatchEvent } from "../../src/index.ts";
import {
  type Applied,
  type Codec,
  createReplica,
  type Kv,
  open,
  QuorateError,
  type StateMachine,
} from "../../src/index.ts";
import type {
  ClientSession,
  DeleteOutcome,
  KvMetrics,
  LeaseChoice,
  LeaseInfo,
  Page,
} from "../../src/kv/index.ts";

// Nothing here runs: `types.test.ts` has the compiler judge it. Functions that are never called hold what would need a store.

describe("the type of values", () => {
  it("follows from the codec that a store is opened with", () => {
    const opened = {
      byDefault: () => open("./data"),
      text: () => open({ values: "utf8" }),
      binary: () => open({ values: "binary" }),
      json: () => open({ values: "json" }),
      msgpack: () => open({ values: "msgpack" }),
      own: (codec: Codec<Date>) => open({ values: codec }),
    };
    expectTypeOf(opened.byDefault).returns.resolves.toEqualTypeOf<Store<string>>();
    expectTypeOf(opened.text).returns.resolves.toEqualTypeOf<Store<string>>();
    expectTypeOf(opened.binary).returns.resolves.toEqualTypeOf<Store<Uint8Array>>();
    expectTypeOf(opened.json).returns.resolves.toEqualTypeOf<Store<unknown>>();
    expectTypeOf(opened.msgpack).returns.resolves.toEqualTypeOf<Store<unknown>>();
    expectTypeOf(opened.own).returns.resolves.toEqualTypeOf<Store<Date>>();
  });

  it("is another one in a namespace that says so, and the same in one that does not", () => {
    const namespaces = (store: Store<string>, codec: Codec<Date>) => ({
      same: store.namespace("a/"),
      binary: store.namespace("a/", { values: "binary" }),
      own: store.namespace("a/", { values: codec }),
    });
    expectTypeOf(namespaces).returns.toEqualTypeOf<{
      same: Kv<string>;
      binary: Kv<Uint8Array>;
      own: Kv<Date>;
    }>();
  });
});

describe("reads and writes", () => {
  type Dates = Store<Date>;
  it("give and take values of the store's type, and undefined for what is missing", () => {
    expectTypeOf<ReturnType<Dates["get"]>>().resolves.toEqualTypeOf<Date | undefined>();
    expectTypeOf<ReturnType<Dates["entry"]>>().resolves.toEqualTypeOf<KvEntry<Date> | undefined>();
    expectTypeOf<Dates["put"]>().parameter(1).toEqualTypeOf<Date>();
    expectTypeOf<Dates["delete"]>().returns.resolves.toEqualTypeOf<DeleteOutcome<Date>>();
    expectTypeOf<DeleteOutcome<Date>["prev"]>().toEqualTypeOf<readonly KvEntry<Date>[] | undefined>();
    expectTypeOf<Dates["revoke"]>().returns.resolves.toEqualTypeOf<DeleteOutcome>();
    expectTypeOf<ReturnType<Dates["range"]>>().toEqualTypeOf<Scan<Date>>();
    expectTypeOf<Scan<Date>["page"]>().returns.resolves.toEqualTypeOf<Page<Date>>();
    expectTypeOf<Scan<Date>["revision"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Scan<Date>["keys"]>().returns.resolves.toEqualTypeOf<string[]>();
    expectTypeOf<Dates["leases"]>().returns.resolves.toEqualTypeOf<LeaseInfo[]>();
    expectTypeOf<Dates["metrics"]>().returns.toExtend<KvMetrics>();
    expectTypeOf<Scan<Date>>().toExtend<AsyncIterable<KvEntry<Date>>>();
  });

  it("refuse values, keys and options of other types", () => {
    const wrong = (store: Store<string>) => {
      // @ts-expect-error a value of another type
      void store.put("a", 1);
      // @ts-expect-error a key is text
      void store.get(1);
      // @ts-expect-error there is no such consistency
      void store.get("a", { consistency: "eventual" });
      // @ts-expect-error entries are sorted by what is known of them
      store.range({ all: true, sortBy: "colour" });
      // @ts-expect-error there is no such codec
      void open({ values: "xml" });
      // @ts-expect-error watches have no limit
      store.watch({ all: true, limit: 1 });
    };
    expectTypeOf(wrong).toBeFunction();
  });

  it("refuse what the run time refuses: unknown options, and bounds that could come to mean every key", () => {
    const wrong = (store: Store<string>, unset: string | undefined) => {
      // @ts-expect-error a bound is needed
      void store.delete({});
      // @ts-expect-error there is no such bound
      void store.delete({ prefx: "jobs/" });
      // @ts-expect-error a bound has a value
      void store.delete({ prefix: undefined });
      // @ts-expect-error a bound has a value
      void store.delete({ prefix: unset });
      // @ts-expect-error a delete has no limit
      void store.delete({ prefix: "jobs/", limit: 1 });
      // @ts-expect-error everything has no bounds
      void store.delete({ all: true, prefix: "jobs/" });
      // @ts-expect-error all is said or left out
      void store.delete({ all: false });
      // @ts-expect-error a bound is needed
      store.range({});
      // @ts-expect-error a bound is needed
      store.range({ limit: 1 });
      // @ts-expect-error bounds are named
      store.range("users/");
      // @ts-expect-error there are no such bounds
      store.range({ start: "a", end: "b" });
      // @ts-expect-error a bound has a value
      store.watch({ prefix: unset });
      // @ts-expect-error options of a watch stand with its bounds
      store.watch("a", { prev: true });
      // @ts-expect-error there is no such option
      void store.put("a", "1", { ttl: 100 });
      // @ts-expect-error there is no such option
      void store.put("a", "1", { ifMising: true });
      // @ts-expect-error a condition has a value
      void store.put("a", "1", { ifRevision: undefined });
      // @ts-expect-error a lease has a value
      void store.put("a", "1", { lease: unset });
      // @ts-expect-error a signal stands in the options
      void store.get("a", new AbortController().signal);
      // @ts-expect-error operations need bounds as well
      store.txn().do((op) => [op.delete({}), op.range({ limit: 1 })]);
      // @ts-expect-error there is no such option
      void store.lock("a").acquire({ tll: 1_000 });
      // @ts-expect-error a directory that is not set is none
      void open({ dir: unset });
      // @ts-expect-error a store is opened somewhere, or in memory by {}
      void open();
    };
    expectTypeOf(wrong).toBeFunction();
  });

  it("are the same in the view of a client session", () => {
    expectTypeOf<Dates["session"]>().returns.resolves.toEqualTypeOf<ClientSession<Kv<Date>>>();
    expectTypeOf<ClientSession<Kv<Date>>["once"]>().returns.toEqualTypeOf<Kv<Date>>();
  });
});

describe("a transaction", () => {
  it("has the result of each operation at its place, by branch", () => {
    const run = async (store: Store<Date>) =>
      store
        .txn()
        .when(
          (key) => key("a").value.eq(new Date(0)),
          (key) => key("a").version.gt(1),
        )
        .do((op) => [op.get("a"), op.range({ prefix: "b" }), op.delete("c")])
        .otherwise((op) => [op.put("a", new Date(0))])
        .commit();
    type Outcome = Awaited<ReturnType<typeof run>>;
    type Entry = KvEntry<Date>;
    expectTypeOf<Extract<Outcome, { ok: true }>["results"]>().toEqualTypeOf<
      [Entry | undefined, Entry[], number]
    >();
    expectTypeOf<Extract<Outcome, { ok: false }>["results"]>().toEqualTypeOf<[Entry | undefined]>();
    expectTypeOf<Outcome["revision"]>().toEqualTypeOf<number>();
  });

  it("types what it deletes, counts and nests as well", () => {
    const run = async (store: Store<Date>) =>
      store
        .txn()
        .when((_, every) => every({ prefix: "a" }).value.eq(new Date(0)))
        .do((op) => [
          op.delete("a", { prev: true }),
          op.count({ prefix: "b" }),
          op.touch("c", { keepLease: true, prev: true }),
          op.txn((txn) => txn.do((inner) => [inner.delete("d")]).otherwise((inner) => [inner.get("d")])),
        ])
        .commit();
    type Results = Extract<Awaited<ReturnType<typeof run>>, { ok: true }>["results"];
    expectTypeOf<Results[0]>().toEqualTypeOf<KvEntry<Date>[]>();
    expectTypeOf<Results[1]>().toEqualTypeOf<number>();
    expectTypeOf<Results[2]>().toEqualTypeOf<KvEntry<Date> | undefined>();
    expectTypeOf<Extract<Results[3], { ok: true }>["results"]>().toEqualTypeOf<[number]>();
    expectTypeOf<Extract<Results[3], { ok: false }>["results"]>().toEqualTypeOf<
      [KvEntry<Date> | undefined]
    >();
  });

  it("refuses claims and operations that there are not", () => {
    const wrong = (store: Store<Date>) => {
      // @ts-expect-error a claim compares with a value of the store's type
      store.txn().when((key) => key("a").value.eq("text"));
      // @ts-expect-error a claim about every key of a range has no limit
      store.txn().when((_, every) => every({ all: true, limit: 1 }).missing());
      // @ts-expect-error a nested transaction is given as it is built, not committed
      store.txn().do((op) => [op.txn((txn) => txn.commit())]);
      // @ts-expect-error a touch has no value
      void store.touch("a", new Date(0));
      // @ts-expect-error a touch is of a key that exists
      void store.touch("a", { ifMissing: true });
    };
    expectTypeOf(wrong).toBeFunction();
  });

  it("cannot be awaited by mistake: its builder is no promise", () => {
    expectTypeOf<ReturnType<Store<string>["txn"]>>().not.toHaveProperty("then");
  });

  it("that is a function gives what the function gives, and its reads are of the store's type", () => {
    const run = (store: Store<Date>) => store.transact(async (tx) => (await tx.get("a"))?.getTime());
    expectTypeOf(run).returns.resolves.toEqualTypeOf<number | undefined>();
    expectTypeOf<Tx<Date>["put"]>().parameter(1).toEqualTypeOf<Date>();
    expectTypeOf<Tx<Date>["put"]>().parameter(2).toEqualTypeOf<LeaseChoice | undefined>();
  });
});

describe("a watch", () => {
  it("tells its type of event apart by its field, and emits with typed arguments", () => {
    expectTypeOf<Extract<WatchEvent<Date>, { type: "put" }>["entry"]>().toEqualTypeOf<KvEntry<Date>>();
    expectTypeOf<Extract<WatchEvent<Date>, { type: "delete" }>["key"]>().toEqualTypeOf<string>();
    expectTypeOf<Watch<Date>["progress"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Watch<Date>["batches"]>().returns.toExtend<AsyncIterable<readonly WatchEvent<Date>[]>>();
    const listen = (watch: Watch<Date>) => {
      watch.on("put", (entry, prev) =>
        expectTypeOf([entry, prev]).toEqualTypeOf<(KvEntry<Date> | undefined)[]>(),
      );
      watch.on("error", (error) => expectTypeOf(error).toEqualTypeOf<QuorateError>());
      // @ts-expect-error there is no such event
      watch.on("change", () => {});
    };
    expectTypeOf(listen).toBeFunction();
  });
});

describe("errors", () => {
  it("have the fields of their code once the code is known", () => {
    const handle = (error: unknown) => {
      if (QuorateError.is(error, "ERR_COMPACTED")) return error.details.compactRevision;
      if (QuorateError.is(error)) return error.outcome;
      return undefined;
    };
    expectTypeOf(handle).returns.toEqualTypeOf<number | "none" | "unknown" | "done" | undefined>();
  });
});

describe("a state machine of one's own", () => {
  it("decides on the types of commands, results, queries and answers", () => {
    type Add = { readonly by: number };
    const replicate = (machine: StateMachine<Add, number, "now", Date>) => createReplica({ machine });
    type Replica = Awaited<ReturnType<typeof replicate>>;
    expectTypeOf<Replica["propose"]>().parameter(0).toEqualTypeOf<Add>();
    expectTypeOf<Replica["propose"]>().returns.resolves.toEqualTypeOf<number>();
    expectTypeOf<Replica["query"]>().parameter(0).toEqualTypeOf<"now">();
    expectTypeOf<Replica["query"]>().returns.resolves.toEqualTypeOf<Date>();
    expectTypeOf<Applied<Add>["command"]>().toEqualTypeOf<Add>();
  });
});

describe("values that cannot be decoded", () => {
  it("are of the type of what is given instead of them", () => {
    const read = (store: Store<Date>) => ({
      thrown: store.get("a"),
      skipped: store.get("a", { onDecodeError: "skip" }),
      raw: store.entry("a", { onDecodeError: "raw" }),
      own: store.range({ all: true, onDecodeError: ({ revision }) => (revision > 1 ? revision : undefined) }),
      watched: store.watch({ prefix: "a", onDecodeError: "raw" }),
    });
    expectTypeOf(read).returns.toEqualTypeOf<{
      thrown: Promise<Date | undefined>;
      skipped: Promise<Date | undefined>;
      raw: Promise<KvEntry<Date | Uint8Array> | undefined>;
      own: Scan<Date | number>;
      watched: Watch<Date | Uint8Array>;
    }>();
  });
});
