import { execFile } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { Opened, realEtcd } from "./auth-support.ts";
import { isInstalled } from "./support/real-etcd.ts";
import { serveCluster } from "./support/served-cluster.ts";

const opened = new Opened();
afterEach(() => opened.close());

/** What etcdctl prints, and how it fails, without the lines of its log and what differs between clusters. */
function etcdctl(url: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, ETCDCTL_API: "3" };
    execFile("etcdctl", ["--endpoints", url, ...args], { env }, (_error, out, errors) => {
      const lines = `${out}${errors}`
        .split("\n")
        .filter((line) => !line.startsWith('{"level"'))
        .map((line) =>
          line
            .replace(/(http:\/\/)?127\.0\.0\.1:\d+/g, "URL")
            .replace(/took = .*/, "")
            .trim(),
        );
      // Of several members each says that it is well.
      resolve(
        lines
          .filter((line, at) => line !== lines[at - 1])
          .join("\n")
          .trim(),
      );
    });
  });
}

const ROOT = ["--user", "root:pw"];
const ANN = ["--user", "ann:pw"];

/** A life of an administrator, and of a user who may do little. */
const SCRIPT: readonly (readonly string[])[] = [
  ["user", "add", "root:pw"],
  ["user", "add", "root:pw"],
  ["auth", "enable"],
  ["get", "a"],
  [...ROOT, "user", "add", "ann:pw"],
  [...ROOT, "user", "add", "cert", "--no-password"],
  [...ROOT, "role", "add", "reader"],
  [...ROOT, "role", "add", "reader"],
  [...ROOT, "role", "grant-permission", "reader", "readwrite", "--prefix", "a/"],
  [...ROOT, "role", "grant-permission", "reader", "read", "k", "m"],
  [...ROOT, "role", "grant-permission", "reader", "write", "--from-key", "x"],
  [...ROOT, "role", "grant-permission", "missing", "read", "k"],
  [...ROOT, "user", "grant-role", "ann", "reader"],
  [...ROOT, "user", "grant-role", "ann", "missing"],
  [...ROOT, "role", "get", "reader"],
  [...ROOT, "user", "get", "ann"],
  [...ROOT, "user", "get", "ann", "--detail"],
  [...ROOT, "user", "list"],
  [...ROOT, "role", "list"],
  [...ANN, "put", "a/1", "one"],
  [...ANN, "get", "--prefix", "a/"],
  [...ANN, "put", "b", "no"],
  [...ANN, "get", "b"],
  [...ANN, "get", "k", "m"],
  [...ANN, "get", "k", "n"],
  [...ANN, "put", "y", "blind"],
  [...ANN, "get", "y"],
  [...ANN, "put", "--prev-kv", "y", "blind"],
  [...ANN, "put", "--prev-kv", "a/1", "two"],
  [...ANN, "del", "a/1", "--prev-kv"],
  [...ANN, "del", "--from-key", "a/"],
  [...ANN, "user", "list"],
  [...ANN, "role", "get", "reader"],
  [...ANN, "user", "get", "ann"],
  [...ANN, "user", "get", "root"],
  [...ANN, "auth", "disable"],
  [...ANN, "endpoint", "health"],
  ["--user", "ann:wrong", "get", "a/1"],
  ["--user", "nobody:pw", "get", "a/1"],
  [...ROOT, "role", "revoke-permission", "reader", "k", "m"],
  [...ROOT, "role", "revoke-permission", "reader", "k", "m"],
  [...ANN, "get", "k", "m"],
  [...ROOT, "user", "revoke-role", "ann", "reader"],
  [...ROOT, "user", "revoke-role", "ann", "reader"],
  [...ANN, "get", "--prefix", "a/"],
  [...ROOT, "user", "delete", "root"],
  [...ROOT, "role", "delete", "root"],
  [...ROOT, "user", "revoke-role", "root", "root"],
  [...ROOT, "role", "delete", "reader"],
  [...ROOT, "user", "delete", "ann"],
  [...ANN, "get", "a/1"],
  [...ROOT, "auth", "disable"],
  ["get", "--prefix", ""],
  ["user", "delete", "root"],
];

/** Passwords keep all processors busy: that must not cost an election. */
const PATIENT = { limits: { electionTicks: 100 } };

const isRunnable = isInstalled("etcd") && isInstalled("etcdctl");

test.skipIf(!isRunnable).each([1, 3])(
  "etcdctl says the same of us, %i members, as of a real etcd, command by command (needs etcd and etcdctl)",
  {
    timeout: 120_000,
  },
  async (size) => {
    const real = await realEtcd(opened);
    const cluster = await serveCluster(["n1", "n2", "n3"].slice(0, size), {}, PATIENT);
    opened.add(cluster.stop);
    const url = cluster.members.map(({ endpoint }) => endpoint).join(",");
    for (const args of SCRIPT) {
      const [theirs, ours] = await Promise.all([etcdctl(real!, args), etcdctl(url, args)]);
      expect([args.join(" "), ours]).toEqual([args.join(" "), theirs]);
    }
  },
);
