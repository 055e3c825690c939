import { readFileSync } from "node:fs";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { TlsFiles } from "../../src/transport/tls/tls-files.ts";
import { certificateNames } from "../../src/transport/tls/tls-peers.ts";
import { Authority, type CertificateFiles, hasOpenssl, renew } from "./certificates.ts";
import { selfNamed, TcpMember, TcpWorld, until } from "./tcp-world.ts";

describe.skipIf(!hasOpenssl)("TLS between members (needs openssl on the PATH)", () => {
  let authority: Authority;
  const world = new TcpWorld();
  beforeAll(() => {
    authority = new Authority();
  });
  afterAll(() => authority.remove());
  afterEach(() => world.end());

  const member = (name: string, tls: CertificateFiles | undefined) =>
    world.member(name, tls === undefined ? {} : { tls });

  test("members whose certificates name them talk, and what they say cannot be read on the way", async () => {
    const a = await member("a", authority.member("a"));
    const b = await member("b", authority.member("b"));
    a.knows(b);
    b.knows(a);
    await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");

    const large = new Uint8Array(1_000_000).fill(7);
    a.transport.send("b", large);
    await until(() => b.received.length === 1, "the frame");
    expect(Buffer.compare(b.received[0]!.frame, large)).toBe(0);
  });

  test("a certificate may name its member as DNS name or as common name, and nothing else", async () => {
    const a = await member("a", authority.sign({ alternatives: ["DNS:a"] }));
    const b = await member("b", authority.sign({ commonName: "b" }));
    a.knows(b);
    b.knows(a);
    await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");

    const quoted = { subject: { CN: "x" }, subjectaltname: 'DNS:"y, DNS:n3, DNS:z"' };
    expect(certificateNames(quoted as never)).toEqual(["x"]);
  });

  test("the certificate of one member cannot speak as another, to neither end", async () => {
    const a = await member("a", authority.member("a"));
    const impostor = await member("b", authority.member("c"));
    a.knows(impostor);
    impostor.knows(a);
    const fields = (refusals: readonly QuorateError[]) =>
      refusals.map(({ details }) => (details as { field?: string }).field);
    await until(() => a.refusals.length >= 2 && impostor.refusals.length >= 1, "refusals");
    expect(fields(a.refusals)).toContain("certificate");
    expect(fields(impostor.refusals)).toContain("certificate");
    expect([...a.news, ...impostor.news]).toEqual([]);
  });

  test("a certificate of another authority, one that has ended, and none at all are refused", async () => {
    const other = new Authority();
    try {
      for (const stranger of [other.member("b"), authority.sign({ commonName: "b", days: -1 }), undefined]) {
        const a = await member("a", authority.member("a"));
        const b = await member("b", stranger);
        a.knows(b);
        b.knows(a);
        await until(() => a.refusals.length > 0, "a refusal");
        expect(a.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL" });
        expect(a.refusals[0]!.message).toContain("TLS");
        expect([...a.news, ...b.news]).toEqual([]);
      }
    } finally {
      other.remove();
    }
  });

  test("a certificate that was revoked is refused, and the others go on", async () => {
    const [stolen, own] = [authority.member("b"), authority.member("b")];
    const crl = authority.revoke(stolen);
    for (const [files, isRefused] of [
      [stolen, true],
      [own, false],
    ] as const) {
      const a = await world.member("a", { tls: { ...authority.member("a"), crl } });
      const b = await member("b", files);
      a.knows(b);
      b.knows(a);
      await until(() => (isRefused ? a.refusals : a.news).length > 0, "the verdict");
      if (isRefused) expect(a.refusals[0]!.message).toContain("revoked");
    }
  });

  test("a renewed certificate is used for new connections, without a restart", async () => {
    const files = authority.sign({ commonName: "nobody" });
    const a = await member("a", authority.member("a"));
    const b = await member("b", files);
    a.knows(b);
    b.knows(a);
    await until(() => a.refusals.length > 0, "a refusal");
    renew(files, authority.member("b"));
    await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");
  });

  test("a new certificate whose key is not there yet changes nothing, and is told of once", async () => {
    const files = authority.member("a");
    const other = authority.member("a");
    const tls = new TlsFiles(files);
    const before = tls.context;
    renew({ ...files, key: "/dev/null" }, other);
    expect(tls.reload()).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    expect(tls.reload()).toBeNull();
    expect(tls.context).toBe(before);
    renew(files, other);
    expect(tls.reload()).toBeNull();
    expect(tls.context).not.toBe(before);
  });

  test("nothing older than TLS 1.3 is spoken, unless it is asked for", async () => {
    const files = authority.member("b");
    const read = (part: keyof CertificateFiles): Buffer => readFileSync(files[part]);
    const dial = (port: number): Promise<string> =>
      new Promise((resolve) => {
        const keys = { cert: read("cert"), key: read("key"), ca: read("ca") };
        const options = { host: "127.0.0.1", port, servername: "a", maxVersion: "TLSv1.2", ...keys } as const;
        const socket = connectTls(options, () => {
          resolve(socket.getProtocol() ?? "none");
          socket.destroy();
        });
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      });
    const modern = await member("a", authority.member("a"));
    expect(await dial(modern.port)).toMatch(/PROTOCOL_VERSION/);
    const older = await world.member("a", { tls: { ...authority.member("a"), minVersion: "TLSv1.2" } });
    expect(await dial(older.port)).toBe("TLSv1.2");
  });

  test("who connects and says nothing is let go after the time of a handshake", async () => {
    const b = await world.member("b", { tls: authority.member("b"), limits: { handshakeMs: 50 } });
    const stranger = await world.stranger(b.port);
    await until(() => stranger.isClosed, "the end");
    expect(b.refusals.map(({ code }) => code)).toEqual(["ERR_PROTOCOL"]);
  });

  test("a secret holds beside TLS: a certificate alone is not enough", async () => {
    const a = await world.member("a", { tls: authority.member("a"), secret: "one" });
    const b = await world.member("b", { tls: authority.member("b"), secret: "two" });
    a.knows(b);
    b.knows(a);
    await until(() => a.refusals.length > 0, "a refusal");
    expect(a.refusals[0]).toMatchObject({ details: { field: "secret" } });
  });

  test("files that are missing or do not belong together are refused at once, and keys are not repeated", () => {
    const files = authority.member("a");
    expect(() => tcp({ tls: { ...files, cert: "/nowhere.pem" } })).toThrow(
      "/nowhere.pem cannot be used: there is no such file or directory",
    );
    expect(() => tcp({ tls: { ...files, key: authority.member("a").key } })).toThrow("cannot be used");
    expect(() => tcp({ tls: { ...files, ca: "" } })).toThrow("tls.ca must be text");
    const text = readFileSync(authority.member("b").key, "latin1");
    const error = caught(() => tcp({ tls: { ...files, key: text } }));
    expect(JSON.stringify([error.message, error.details])).not.toContain("PRIVATE");
  });
});

describe("a listener that others can reach", () => {
  const start = (options: Parameters<typeof tcp>[0], address: string): Promise<TcpMember> =>
    new TcpMember(selfNamed("a", { address }), options).start();

  test("is refused without TLS, also with a secret", async () => {
    for (const address of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0"]) {
      await expect(start({ secret: "s" }, address)).rejects.toMatchObject({
        code: "ERR_INSECURE",
        details: { address },
      });
    }
    await expect(start({ listen: "0.0.0.0:0" }, "127.0.0.1:0")).rejects.toMatchObject({
      code: "ERR_INSECURE",
    });
  });

  test("stands when insecure is said, and on loopback as ever", async () => {
    for (const [options, address] of [
      [{ insecure: true }, "0.0.0.0:0"],
      [{}, "localhost:0"],
      [{}, "127.8.9.1:0"],
    ] as const) {
      const member = await start(options, address);
      await member.close();
    }
  });
});

function caught(run: () => unknown): QuorateError {
  try {
    run();
  } catch (error) {
    if (QuorateError.is(error)) return error;
  }
  throw new Error("nothing was thrown");
}
