import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../scripts/process.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { BackupReader } from "../../src/storage/snapshots/backup-file.ts";
import { etcdctl, startEtcdctl, tryEtcdctl } from "./support/etcdctl.ts";
import { post } from "./support/http.ts";
import { isInstalled } from "./support/real-etcd.ts";
import { type ServedCluster, serveCluster } from "./support/served-cluster.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";

const hasEtcdctl = isInstalled("etcdctl");

/** As a server of its own has it: history, and what becomes of alarms, are the operator's. */
const OPERATED = { historyRevisions: Number.POSITIVE_INFINITY, limits: { electionTicks: 50 } };

describe.skipIf(!hasEtcdctl).each([1, 3])("etcdctl with one member of %i (needs etcdctl)", (size) => {
  let served: ServedStore;
  let endpoint: string;
  let folder: string;
  let stop: () => Promise<void>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "etcdctl-"));
    if (size === 1) {
      served = await serveStore({}, OPERATED);
      stop = served.stop;
    } else {
      const cluster = await serveCluster(["n1", "n2", "n3"], { electionMs: 1_000 }, OPERATED);
      // Everything must work with a member that does not lead.
      served = cluster.members.find((member) => member !== cluster.leader())!;
      stop = cluster.stop;
    }
    endpoint = served.endpoint;
  });

  afterAll(async () => {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("puts, gets and deletes", async () => {
    expect(await etcdctl(endpoint, "put", "fruit/apple", "red")).toBe("OK");
    expect(await etcdctl(endpoint, "put", "fruit/pear", "green")).toBe("OK");
    expect(await etcdctl(endpoint, "get", "fruit/apple")).toBe("fruit/apple\nred");
    expect(await etcdctl(endpoint, "get", "fruit/", "--prefix", "--keys-only", "--order=DESCEND")).toBe(
      "fruit/pear\n\nfruit/apple",
    );
    expect(await etcdctl(endpoint, "get", "fruit/", "--prefix", "--limit=1", "--print-value-only")).toBe(
      "red",
    );
    expect(await etcdctl(endpoint, "put", "fruit/apple", "yellow", "--prev-kv")).toBe("OK\nfruit/apple\nred");
    expect(await etcdctl(endpoint, "put", "fruit/apple", "--ignore-value")).toBe("OK");
    expect(await etcdctl(endpoint, "get", "fruit/apple", "--consistency=s")).toBe("fruit/apple\nyellow");
    expect(await etcdctl(endpoint, "del", "fruit/", "--prefix", "--prev-kv")).toBe(
      "2\nfruit/apple\nyellow\nfruit/pear\ngreen",
    );
    const missing = await tryEtcdctl(endpoint, "put", "missing", "--ignore-value");
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr).toContain("etcdserver: key not found");
  });

  it("reads what was at a revision", async () => {
    await etcdctl(endpoint, "put", "old", "1");
    const { header } = JSON.parse(await etcdctl(endpoint, "get", "old", "-w", "json"));
    await etcdctl(endpoint, "put", "old", "2");
    expect(await etcdctl(endpoint, "get", "old", `--rev=${header.revision}`)).toBe("old\n1");
  });

  it("runs transactions", async () => {
    await etcdctl(endpoint, "put", "account", "5");
    const txn = startEtcdctl(endpoint, "txn", "--interactive");
    txn.write('value("account") = "5"\nversion("missing") = "0"\n\n');
    txn.write('put account "4"\nget account\n\nget account\n\n');
    const printed = await txn.printed("account\n4");
    expect(printed).toContain("SUCCESS");
  });

  it("watches, also from the past, and with what was before", async () => {
    await etcdctl(endpoint, "put", "seen", "1");
    const { kvs } = JSON.parse(await etcdctl(endpoint, "get", "seen", "-w", "json"));
    const watch = startEtcdctl(endpoint, "watch", "seen", `--rev=${kvs[0].mod_revision}`, "--prev-kv");
    await watch.printed("PUT\nseen\n1\n");
    await etcdctl(endpoint, "put", "seen", "2");
    await watch.printed("PUT\nseen\n1\nseen\n2\n");
    await etcdctl(endpoint, "del", "seen");
    await watch.printed("DELETE\nseen\n2\nseen\n");
    await watch.interrupt();
  });

  it("grants, shows, keeps alive and revokes leases", async () => {
    const granted = await etcdctl(endpoint, "lease", "grant", "300");
    const [, id] = /lease ([0-9a-f]+) granted with TTL\(300s\)/.exec(granted)!;
    await etcdctl(endpoint, "put", "leased", "x", `--lease=${id}`);
    expect(await etcdctl(endpoint, "lease", "timetolive", id!, "--keys")).toMatch(
      new RegExp(
        `lease ${id} granted with TTL\\(300s\\), remaining\\(\\d+s\\), attached keys\\(\\[leased\\]\\)`,
      ),
    );
    expect(await etcdctl(endpoint, "lease", "list")).toContain(id);
    expect(await etcdctl(endpoint, "lease", "keep-alive", id!, "--once")).toBe(
      `lease ${id} keepalived with TTL(300)`,
    );
    expect(await etcdctl(endpoint, "lease", "revoke", id!)).toBe(`lease ${id} revoked`);
    expect(await etcdctl(endpoint, "get", "leased")).toBe("");
    expect(await etcdctl(endpoint, "lease", "timetolive", id!)).toBe(`lease ${id} already expired`);
  });

  it("ends leases that nobody keeps alive, and their keys", async () => {
    const granted = await etcdctl(endpoint, "lease", "grant", "1");
    const [, id] = /lease ([0-9a-f]+) granted with TTL\(2s\)/.exec(granted)!;
    const watch = startEtcdctl(endpoint, "watch", "short");
    await etcdctl(endpoint, "put", "short", "x", `--lease=${id}`);
    await watch.printed("DELETE\nshort");
    await watch.interrupt();
  });

  it("locks: the second comes when the first leaves", async () => {
    const first = startEtcdctl(endpoint, "lock", "door");
    const held = (await first.printed("door/")).trim();
    const second = startEtcdctl(endpoint, "lock", "door");
    await first.interrupt();
    expect((await second.printed("door/")).trim()).not.toBe(held);
    await second.interrupt();
  });

  it("elects, and lets others listen", async () => {
    const leader = startEtcdctl(endpoint, "elect", "chair", "anna");
    await leader.printed("anna");
    const listener = startEtcdctl(endpoint, "elect", "chair", "--listen");
    await listener.printed("anna");
    const next = startEtcdctl(endpoint, "elect", "chair", "bert");
    await leader.interrupt();
    await next.printed("bert");
    await listener.printed("bert");
    await Promise.all([listener.interrupt(), next.interrupt()]);
  });

  it("shows members, health and status", async () => {
    await expect
      .poll(async () => (await etcdctl(endpoint, "member", "list")).match(/, started, .*, http:\/\/127/g))
      .toHaveLength(size);
    const health = await tryEtcdctl(endpoint, "endpoint", "health");
    expect(health.stdout + health.stderr).toContain("is healthy");
    const [{ Status: status }] = JSON.parse(await etcdctl(endpoint, "endpoint", "status", "-w", "json"));
    expect(status).toMatchObject({ version: "3.6.11", leader: expect.any(Number) });
    expect(status.leader === status.header.member_id).toBe(size === 1);
    expect(await etcdctl(endpoint, "endpoint", "hashkv")).toMatch(new RegExp(`^${endpoint}, \\d+$`));
    expect(await etcdctl(endpoint, "defrag")).toContain("Finished defragmenting");
  });

  it("shows alarms, and lowers them all", async () => {
    expect(await etcdctl(endpoint, "alarm", "list")).toBe("");
    const memberID = String(served.store.status().id);
    for (const alarm of ["NOSPACE", "CORRUPT"]) {
      await post(`http://${endpoint}/v3/maintenance/alarm`, { action: "ACTIVATE", memberID, alarm });
    }
    const both = `memberID:${memberID} alarm:NOSPACE \nmemberID:${memberID} alarm:CORRUPT`;
    expect(await etcdctl(endpoint, "alarm", "list")).toBe(both);
    const read = await tryEtcdctl(endpoint, "get", "a");
    expect(read.stderr).toContain("etcdserver: corrupt cluster");
    const [health] = JSON.parse((await tryEtcdctl(endpoint, "endpoint", "health", "-w", "json")).stdout);
    expect(health.health).toBe(false);
    expect(await etcdctl(endpoint, "alarm", "disarm")).toBe(both);
    expect(await etcdctl(endpoint, "alarm", "list")).toBe("");
    expect(await etcdctl(endpoint, "put", "a", "1")).toBe("OK");
  });

  it("compacts, after which the past is gone", async () => {
    await etcdctl(endpoint, "put", "compacted", "1");
    const { header } = JSON.parse(await etcdctl(endpoint, "get", "compacted", "-w", "json"));
    const { revision } = header;
    await etcdctl(endpoint, "put", "compacted", "2");
    expect(await etcdctl(endpoint, "compaction", "--physical", String(revision + 1))).toBe(
      `compacted revision ${revision + 1}`,
    );
    const read = await tryEtcdctl(endpoint, "get", "compacted", `--rev=${revision}`);
    expect(read.stderr).toContain("etcdserver: mvcc: required revision has been compacted");
    const watch = startEtcdctl(endpoint, "watch", "compacted", `--rev=${revision - 1}`);
    await watch.printed("required revision has been compacted");
    await watch.interrupt();
  });

  it("asks for one endpoint by its URL too, which 3.4 writes into a header as it is", async () => {
    const url = `http://${endpoint}`;
    const file = join(folder, "by-url.db");
    expect(await etcdctl(url, "endpoint", "status")).toContain(`${url}, `);
    expect(await etcdctl(url, "endpoint", "hashkv")).toMatch(new RegExp(`^${url}, \\d+$`));
    expect(await etcdctl(url, "defrag")).toContain("Finished defragmenting");
    expect(await etcdctl(url, "snapshot", "save", file)).toContain(`Snapshot saved at ${file}`);
  });

  it("saves a snapshot, of which a cluster can be made", async () => {
    const file = join(folder, "snapshot.db");
    expect(await etcdctl(endpoint, "snapshot", "save", file)).toContain(`Snapshot saved at ${file}`);
    expect(statSync(file).size % 512).toBe(32);

    const bytes = readFileSync(file);
    const backup = new BackupReader(file, (offset, length) => bytes.subarray(offset, offset + length));
    expect(backup.header).toMatchObject({ kind: "kv", revision: served.store.status().revision });
    const machine = new KvMachine();
    machine.restore(backup.chunks());
    expect(machine.store.liveKeys).toBe(served.store.metrics().keys);

    // Here `snapshot status` of etcdctl is what it is not for: the file is ours, and it says that it cannot read it.
    expect((await tryEtcdctl(endpoint, "snapshot", "status", file)).exitCode).not.toBe(0);
  });

  it("copies keys to another cluster", async () => {
    const other = await serveStore();
    try {
      await etcdctl(endpoint, "put", "mirrored/1", "x");
      const mirror = startEtcdctl(endpoint, "make-mirror", "--prefix=mirrored/", other.endpoint);
      const watch = startEtcdctl(other.endpoint, "watch", "--prefix", "mirrored/", "--rev=1");
      await watch.printed("mirrored/1");
      await etcdctl(endpoint, "put", "mirrored/2", "y");
      await watch.printed("mirrored/2\ny");
      await Promise.all([mirror.interrupt(), watch.interrupt()]);
    } finally {
      await other.stop();
    }
  });

  it("checks how much data a store bears", async () => {
    // The smallest load that it has; what it judges is the machine.
    const { stdout, stderr } = await tryEtcdctl(
      endpoint,
      "check",
      "datascale",
      "--load=s",
      "--prefix=/datascale/",
    );
    expect(stdout + stderr).toMatch(/PASS: Approximate system memory used/);
  }, 120_000);
});

describe.skipIf(!hasEtcdctl)("etcdctl with three members (needs etcdctl)", () => {
  let cluster: ServedCluster;
  let endpoints: string;

  beforeAll(async () => {
    cluster = await serveCluster(["n1", "n2", "n3"]);
    endpoints = cluster.members.map(({ endpoint }) => endpoint).join(",");
  });

  afterAll(() => cluster.stop());

  it("writes through one member and reads through another", async () => {
    const [one, two, three] = cluster.members;
    await etcdctl(one!.endpoint, "put", "a", "1");
    expect(await etcdctl(two!.endpoint, "get", "a")).toBe("a\n1");
    await etcdctl(three!.endpoint, "del", "a");
    expect(await etcdctl(one!.endpoint, "get", "a")).toBe("");
  });

  it("sees one leader from all, and equal hashes", async () => {
    const statuses = JSON.parse(await etcdctl(endpoints, "endpoint", "status", "-w", "json")) as {
      Status: { leader: number };
    }[];
    expect(statuses).toHaveLength(3);
    expect(new Set(statuses.map(({ Status: status }) => status.leader)).size).toBe(1);
    const hashes = (await etcdctl(endpoints, "endpoint", "hashkv"))
      .split("\n")
      .map((line) => line.split(", ")[1]);
    expect(new Set(hashes).size).toBe(1);
  });

  it("finds every member by asking one", async () => {
    const { endpoint } = cluster.members[0]!;
    await expect
      .poll(async () => (await etcdctl(endpoint, "member", "list")).match(/, http:\S+, http:\S+, false/g))
      .toHaveLength(3);
    const health = await tryEtcdctl(endpoint, "endpoint", "health", "--cluster");
    expect((health.stdout + health.stderr).match(/is healthy/g)).toHaveLength(3);
  });

  it.each(["", "http://"])("moves leadership, asked at %shost:port", async (scheme) => {
    const before = cluster.leader();
    const target = cluster.members.find((member) => member !== before)!;
    const id = target.store.status().id.toString(16);
    const moved = await etcdctl(`${scheme}${before.endpoint}`, "move-leader", id);
    expect(moved).toContain("Leadership transferred from");
    expect(cluster.leader()).toBe(target);
    const refused = await tryEtcdctl(before.endpoint, "move-leader", id);
    expect(refused.exitCode).not.toBe(0);
  });

  it("adds, updates and removes members", async () => {
    const { endpoint } = cluster.members[0]!;
    const added = await etcdctl(
      endpoint,
      "member",
      "add",
      "n4",
      "--learner",
      "--peer-urls=http://127.0.0.1:9100",
    );
    const [, id] = /Member\s+([0-9a-f]+) added to cluster/.exec(added)!;
    expect(await etcdctl(endpoint, "member", "list")).toContain(
      `${id}, unstarted, , http://127.0.0.1:9100, , true`,
    );
    const second = await tryEtcdctl(
      endpoint,
      "member",
      "add",
      "n5",
      "--learner",
      "--peer-urls=http://127.0.0.1:9101",
    );
    expect(second.stderr).toContain("too many learner members");
    const early = await tryEtcdctl(endpoint, "member", "promote", id!);
    expect(early.stderr).toContain("can only promote a learner member which is in sync with leader");
    await etcdctl(endpoint, "member", "update", id!, "--peer-urls=http://127.0.0.1:9102");
    expect(await etcdctl(endpoint, "member", "list")).toContain("http://127.0.0.1:9102");
    expect(await etcdctl(endpoint, "member", "remove", id!)).toMatch(
      new RegExp(`Member\\s+${id} removed from cluster`),
    );
    const gone = await tryEtcdctl(endpoint, "member", "remove", id!);
    expect(gone.stderr).toContain("etcdserver: member not found");
  });
});

const isPatient = process.env["QUORATE_SLOW_TESTS"] === "1";

describe.skipIf(!hasEtcdctl || !isPatient).each([1, 3])(
  "etcdctl's check of performance with %i members (needs a minute: QUORATE_SLOW_TESTS=1)",
  (size) => {
    it("finds nothing wrong with the answers", async () => {
      const cluster = await serveCluster(["n1", "n2", "n3"].slice(0, size));
      try {
        // What it measures is the machine; that it runs to its end, and misses no answer, is ours.
        const endpoint = cluster.members[0]!.endpoint;
        const args = [`--endpoints=${endpoint}`, "check", "perf", "--load=s", "--prefix=/perf/"];
        const { stdout, stderr } = await run("etcdctl", args, "/tmp", 120_000);
        expect(stdout + stderr).toMatch(/(PASS|FAIL): Throughput/);
        expect(stdout + stderr).not.toContain("error");
        console.log(stdout.slice(stdout.search(/(PASS|FAIL): Throughput/)));
      } finally {
        await cluster.stop();
      }
    }, 150_000);
  },
);
