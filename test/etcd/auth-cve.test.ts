import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { METHODS } from "../../src/wire/services.ts";
import { type Caller, caller, Opened, READ, READWRITE, served, Users, WRITE } from "./auth-support.ts";
import { isInstalled } from "./support/real-etcd.ts";

const opened = new Opened();
afterEach(() => opened.close());

const NO_NAME = "etcdserver: user name is empty";
const DENIED = "etcdserver: permission denied";

/** Weaknesses that etcd has had, each by its number: none of them is to be had here. */
describe("CVE-2018-1098, CVE-2018-1099: a web page cannot have a browser call", () => {
  async function post(url: string, headers: Record<string, string>): Promise<number> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const options = { hostname, port, path: "/v3/kv/put", method: "POST", headers };
      const request = httpRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      request.on("error", reject);
      request.end('{"key":"YQ=="}');
    });
  }

  test("from another origin, nor under a name that points here", async () => {
    const { url, store } = await served(opened);
    const { host } = new URL(url);
    expect(await post(url, { origin: "http://evil.example" })).toBe(421);
    expect(await post(url, { host: "evil.example" })).toBe(421);
    expect(await store.get("a")).toBe(undefined);
    expect(await post(url, { host, origin: `http://${host}` })).toBe(200);
  });
});

describe("CVE-2018-16886: the gateway lends nobody a certificate", () => {
  test("a certificate names the user over gRPC, and nobody over HTTP", async (context) => {
    if (!isInstalled("openssl")) context.skip("needs openssl");
    const pki = makeCertificates(["root", "stranger", "localhost"]);
    const tls = { ...pki.localhost!, ca: pki.ca, requestCert: true };
    const { store, server } = await served(opened, {}, { tls });
    const url = server.urls[0]!;
    await store.put("k", "v");
    const secured = (name: string) => {
      const { key, cert } = pki[name as "root"]!;
      return credentials.createSsl(pki.ca, key, cert, { checkServerIdentity: () => undefined });
    };
    const root = caller(opened, url, undefined, secured("root"));
    await root.must(METHODS.userAdd, { name: "root", options: { noPassword: true } });
    await root.must(METHODS.userGrantRole, { user: "root", role: "root" });
    await root.must(METHODS.authEnable);
    expect(await root.try(METHODS.userList)).toBe("ok");
    expect(await caller(opened, url, undefined, secured("stranger")).try(METHODS.range, { key: "k" })).toBe(
      DENIED,
    );

    const { key, cert } = pki.root!;
    const text = await new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const options = {
        hostname,
        port,
        path: "/v3/kv/range",
        method: "POST",
        key,
        cert,
        rejectUnauthorized: false,
      };
      const request = httpsRequest(options, (response) => {
        response.setEncoding("utf8").on("data", resolve);
      });
      request.on("error", reject);
      request.end('{"key":"aw=="}');
    });
    expect(JSON.parse(text)).toMatchObject({ code: 3, message: NO_NAME });
  });

  test("a certificate that was not checked names nobody", async (context) => {
    if (!isInstalled("openssl")) context.skip("needs openssl");
    const [pki, forged] = [makeCertificates(["localhost"]), makeCertificates(["root"])];
    const tls = { ...pki.localhost!, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
    const { server } = await served(opened, {}, { tls });
    const { key, cert } = forged.root!;
    const secured = credentials.createSsl(pki.ca, key, cert, { checkServerIdentity: () => undefined });
    const root = caller(opened, server.urls[0]!, undefined, secured);
    await root.must(METHODS.userAdd, { name: "root", password: "root's" });
    await root.must(METHODS.userGrantRole, { user: "root", role: "root" });
    await root.must(METHODS.authEnable);
    expect(await root.try(METHODS.userList)).toBe(NO_NAME);
  });
});

describe("CVE-2021-28235: no page and no file tells a password or a token", () => {
  test("not the pages for operators, not the data directory", async () => {
    const dir = mkdtempSync(join(tmpdir(), "quorate-auth-"));
    opened.add(() => rmSync(dir, { recursive: true, force: true }));
    const { url, store } = await served(opened, { dir });
    const nobody = caller(opened, url);
    await nobody.must(METHODS.userAdd, { name: "root", password: "correct horse" });
    await nobody.must(METHODS.userGrantRole, { user: "root", role: "root" });
    await nobody.must(METHODS.authEnable);
    const token = await nobody.login("root", "correct horse");
    const [secret] = token.split(".") as [string];
    store.snapshot();
    await store.put("k", "v");
    const told: string[] = [];
    for (const page of ["debug/requests", "debug/vars", "debug/pprof/", "metrics", "version", "health"]) {
      told.push(await (await fetch(`${url}/${page}`)).text());
    }
    for (const file of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      if (file.isFile()) told.push(readFileSync(join(file.parentPath, file.name), "latin1"));
    }
    expect(told.some((text) => text.includes("scrypt$"))).toBe(true);
    for (const text of told) {
      expect(text.includes("correct horse")).toBe(false);
      expect(text.includes(secret)).toBe(false);
    }
    expect((await fetch(`${url}/debug/requests`)).status).toBe(404);
  });
});

describe("CVE-2023-32082: the keys of a lease are shown to those who may read them", () => {
  test("and to nobody else; how long it lasts is no secret", async () => {
    const { url, store } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [READ, "a", "b"]);
    await store.lease(600_000, { id: "7" });
    await store.put("a1", "", { lease: "7" });
    expect(await ann.must(METHODS.leaseTimeToLive, { id: "7", keys: true })).toMatchObject({ keys: ["a1"] });
    await store.put("secret", "", { lease: "7" });
    expect(await ann.try(METHODS.leaseTimeToLive, { id: "7", keys: true })).toBe(DENIED);
    expect(await ann.must(METHODS.leaseTimeToLive, { id: "7" })).toMatchObject({ keys: [], grantedTtl: 600 });
  });
});

describe("CVE-2026-33413: nothing is to be had without a name", () => {
  test("not the members, alarms, leases, nor a compaction", async () => {
    const { url, store } = await served(opened);
    await store.put("k", "v");
    const users = await Users.enable(opened, url);
    const nobody = caller(opened, url);
    const calls = [METHODS.memberList, METHODS.alarm, METHODS.leaseLeases, METHODS.status] as const;
    for (const method of calls) expect(await nobody.try(method as typeof METHODS.memberList)).toBe(NO_NAME);
    expect(await nobody.try(METHODS.leaseGrant, { id: "9", ttl: 60 })).toBe(NO_NAME);
    expect(await nobody.try(METHODS.leaseRevoke, { id: "9" })).toBe(NO_NAME);
    expect(await nobody.try(METHODS.leaseTimeToLive, { id: "9" })).toBe(NO_NAME);
    expect(await nobody.try(METHODS.compact, { revision: 2 })).toBe(NO_NAME);
    const ann = await users.add("ann", [READWRITE, "\0", "\0"]);
    expect(await ann.try(METHODS.compact, { revision: 2 })).toBe(DENIED);
    expect(await ann.try(METHODS.alarm, { action: 1, alarm: 1 })).toBe(DENIED);
    expect(await ann.try(METHODS.memberRemove, { id: 1n })).toBe(DENIED);
  });
});

describe("CVE-2026-33343, CVE-2026-44283: what is nested is authorised like what is not", () => {
  interface Op {
    readonly kind: "range" | "put" | "delete" | "txn";
    readonly key: string;
    readonly prevKv: boolean;
    readonly lease: boolean;
    readonly inner: readonly Op[];
  }
  const { op } = fc.letrec<{ op: Op }>((tie) => ({
    op: fc.record({
      kind: fc.constantFrom("range" as const, "put" as const, "delete" as const, "txn" as const),
      key: fc.constantFrom("rw", "r", "w", "none"),
      prevKv: fc.boolean(),
      lease: fc.boolean(),
      inner: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie("op"), { maxLength: 2 })),
    }),
  }));

  // Each put has a key of its own: the same one twice would be refused for that.
  let unique = 0;
  function message({ kind, key, prevKv, lease, inner }: Op): object {
    if (kind === "range") return { requestRange: { key } };
    if (kind === "put") return { requestPut: { key: `${key}/${unique++}`, prevKv, lease: lease ? "7" : "" } };
    if (kind === "delete") return { requestDeleteRange: { key: `${key}-`, prevKv } };
    const [success, failure] = [inner.slice(0, 1).map(message), inner.slice(1).map(message)];
    return { requestTxn: { compare: [], success, failure } };
  }

  /** By the rules as they are written, for a user who may do what the keys are called, and for a lease that holds `none/`. */
  function isPermitted({ kind, key, prevKv, lease, inner }: Op): boolean {
    if (kind === "txn") return inner.every(isPermitted);
    const [reads, writes] = [key.includes("r"), key.includes("w")];
    if (kind === "range") return reads;
    return writes && (reads || !prevKv) && !(kind === "put" && lease);
  }

  test("whatever the tree, a refusal is given if and only if a part of it is not permitted", async () => {
    const { url, store } = await served(opened);
    const users = await Users.enable(opened, url);
    const permissions = (["rw", "r", "w"] as const).map((key): [number, string, string] => {
      return [{ rw: READWRITE, r: READ, w: WRITE }[key], key, key === "r" ? "r0" : `${key}0`];
    });
    const ann = await users.add("ann", ...permissions);
    await store.lease(600_000, { id: "7" });
    await store.put("none/held", "", { lease: "7" });
    let refusals = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 3 }), async (ops) => {
        const success = ops.map(message) as never;
        const expected = ops.every(isPermitted) ? "ok" : DENIED;
        if (expected !== "ok") refusals += 1;
        expect(await ann.try(METHODS.txn, { success })).toBe(expected);
        expect(await ann.try(METHODS.txn, { failure: success })).toBe(expected);
      }),
      { numRuns: 150 },
    );
    expect(refusals).toBeGreaterThan(30);
    expect(await store.get("none/held")).toBe("");
  });

  test("a compare within needs the right to read", async () => {
    const { url } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [WRITE, "w"]);
    const compare = [{ key: "secret", target: 3, result: 0, value: "guess" }] as never;
    const inner = { compare, success: [{ requestPut: { key: "w" } }], failure: [] };
    expect(await ann.try(METHODS.txn, { success: [{ requestTxn: inner }] as never })).toBe(DENIED);
    expect(await ann.try(METHODS.txn, { compare })).toBe(DENIED);
  });
});

describe("CVE-2026-73499: the range that is checked is the range that is carried out", () => {
  test("for all ways to say from, prefix and everything, in reads, deletes and watches", async () => {
    const { url, store } = await served(opened);
    await store.put("a1", "mine");
    await store.put("b", "secret");
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [READWRITE, "a", "b"]);
    const ranges: [string, string][] = [
      ["a", "\0"],
      ["a1", "\0"],
      ["\0", "\0"],
      ["a", "b\0"],
      ["a", "c"],
      ["a\xff", "\0"],
      ["a", "\xff"],
      ["", "\0"],
    ];
    for (const [key, rangeEnd] of ranges) {
      const text = key === "" ? "etcdserver: key is not provided" : DENIED;
      expect(await ann.try(METHODS.range, { key, rangeEnd })).toBe(text);
      expect(await ann.try(METHODS.range, { key, rangeEnd, countOnly: true })).toBe(text);
      expect(await ann.try(METHODS.range, { key, rangeEnd, keysOnly: true, serializable: true })).toBe(text);
      expect(await ann.try(METHODS.deleteRange, { key, rangeEnd })).toBe(text);
      expect(await streamed(ann, key, rangeEnd)).toBe(text);
      expect(await watched(ann, key, rangeEnd)).toBe(`rpc error: code = PermissionDenied desc = ${DENIED}`);
    }
    expect(await ann.try(METHODS.range, { key: "a", rangeEnd: "b" })).toBe("ok");
    expect(await streamed(ann, "a", "b")).toBe("ok");
    expect(await watched(ann, "a", "b")).toBe("");
    expect(await store.get("b")).toBe("secret");
  });

  async function streamed(from: Caller, key: string, rangeEnd: string): Promise<string> {
    const stream = from.stream(METHODS.rangeStream);
    stream.send({ key, rangeEnd });
    const outcome = await stream.next();
    stream.cancel();
    return "text" in outcome ? outcome.text : "ok";
  }

  async function watched(from: Caller, key: string, rangeEnd: string): Promise<string> {
    const watch = from.stream(METHODS.watch);
    watch.send({ createRequest: { key, rangeEnd } as never });
    const outcome = await watch.next();
    watch.cancel();
    return "text" in outcome ? outcome.text : outcome.response.cancelReason;
  }
});

describe("GHSA-6vch-q96h-7gc3: a handshake that is not finished ends", () => {
  test("as does a connection that never says a word", { timeout: 30_000 }, async () => {
    const { url } = await served(opened);
    const { hostname, port } = new URL(url);
    const began = performance.now();
    const socket = connect(Number(port), hostname);
    await new Promise((resolve) => socket.resume().once("close", resolve));
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe("GHSA-3wh4-j44w-pg92: a certificate that was revoked is refused on every listener", () => {
  test("on the second as on the first", async (context) => {
    if (!isInstalled("openssl")) context.skip("needs openssl");
    const pki = makeCertificates(["revoked", "valid", "localhost"]);
    const tls = { ...pki.localhost!, ca: pki.ca, crl: pki.crl, requestCert: true };
    const listen = ["https://127.0.0.1:0", "https://127.0.0.1:0"];
    const { server } = await served(opened, {}, { listen, tls });
    expect(server.urls.length).toBe(2);
    for (const url of server.urls) {
      const outcomes = ["valid", "revoked"].map((name) => {
        const { key, cert } = pki[name as "valid"]!;
        const secured = credentials.createSsl(pki.ca, key, cert, { checkServerIdentity: () => undefined });
        return caller(opened, url, undefined, secured).call(METHODS.range, { key: "k" });
      });
      expect(await Promise.all(outcomes)).toEqual([
        { response: expect.anything() },
        expect.objectContaining({ code: 14 }),
      ]);
    }
  });
});

interface Pair {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A certificate authority of its own, a certificate for each name, and a list that revokes the one called `revoked`. */
function makeCertificates(
  names: readonly string[],
): { readonly ca: Buffer; readonly crl: Buffer } & Record<string, Pair> {
  const dir = mkdtempSync(join(tmpdir(), "quorate-auth-tls-"));
  opened.add(() => rmSync(dir, { recursive: true, force: true }));
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: dir, stdio: "ignore" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-subj",
    `/CN=ca of ${names[0]}`,
    "-days",
    "2",
  );
  const pairs = names.map((name): [string, Pair] => {
    openssl("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.crt`);
    return [
      name,
      { key: readFileSync(join(dir, `${name}.key`)), cert: readFileSync(join(dir, `${name}.crt`)) },
    ];
  });
  writeFileSync(join(dir, "index.txt"), "");
  const database = "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=2\n";
  writeFileSync(join(dir, "ca.cnf"), database);
  const authority = ["ca", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key"];
  if (names.includes("revoked")) openssl(...authority, "-revoke", "revoked.crt");
  openssl(...authority, "-gencrl", "-out", "crl.pem");
  const [ca, crl] = ["ca.crt", "crl.pem"].map((file) => readFileSync(join(dir, file)));
  return { ca, crl, ...Object.fromEntries(pairs) } as never;
}
