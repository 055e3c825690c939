import { readFileSync } from "node:fs";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EtcdOptions } from "../../src/etcd/options.ts";
import { type EtcdServer, serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { Authority, type CertificateFiles, hasOpenssl } from "../transport/certificates.ts";

const listen = { host: "127.0.0.1", port: 0 };
const http = ["http://127.0.0.1:0"];
const https = ["https://127.0.0.1:0"];

describe.skipIf(!hasOpenssl)("a front for etcd's clients (needs openssl)", () => {
  let authority: Authority;
  let store: Store<string>;
  let member: { cert: Buffer; key: Buffer; ca: Buffer };
  beforeAll(async () => {
    authority = new Authority();
    store = await open({});
    member = contents(authority.member("n1"));
  });
  afterAll(async () => {
    await store.close();
    authority.remove();
  });

  /** The argument that is refused. */
  async function refusal(options: unknown): Promise<string> {
    let server: EtcdServer;
    try {
      server = await serveEtcd(store, options as EtcdOptions);
    } catch (error) {
      const { code, details } = error as { code: string; details: { argument: string } };
      expect(code).toBe("ERR_INVALID_ARGUMENT");
      return details.argument;
    }
    await server.close();
    return "none: it listens";
  }

  test("has a certificate and its key, or does not listen", async () => {
    const { cert, key, ca } = member;
    const other = contents(authority.member("n2"));
    const requestCert = true;
    for (const [tls, argument] of [
      [{}, "tls.cert"],
      [{ cert: undefined }, "tls.cert"],
      [{ cert: undefined, key: undefined }, "tls.cert"],
      [{ cert: "", key: "" }, "tls.cert"],
      [{ cert: [], key: [] }, "tls.cert"],
      [{ ca, requestCert }, "tls.cert"],
      [{ cert }, "tls.key"],
      [{ key }, "tls.cert"],
      [{ cert, key: other.key }, "tls.cert"],
      [{ cert: "/etc/cert.pem", key: "/etc/key.pem" }, "tls.cert"],
      [{ cert, key, ca: "/etc/ca.pem", requestCert }, "tls.cert"],
      [{ cert, key, minVersion: "TLSv9" }, "tls.cert"],
    ] as const) {
      expect(await refusal({ listen, tls }), JSON.stringify(Object.keys(tls))).toBe(argument);
      expect(await refusal({ listen: https, tls })).toBe(argument);
    }
  });

  test("speaks TLS somewhere where it was given certificates", async () => {
    const { cert, key } = member;
    const tls = { cert, key };
    expect(await refusal({ listen: http, tls })).toBe("listen");
    expect(await refusal({ listen: http, tls, insecure: true })).toBe("listen");
    expect(await refusal({ listen: http, metricsUrls: https, tls })).toBe("listen");
    expect(await refusal({ listen: http, metricsUrls: https })).toBe("tls");
    expect(await refusal({ listen: [...http, ...https], tls })).toMatch("none");
    expect(await refusal({ listen: https, metricsUrls: http, tls })).toMatch("none");
  });

  test("asks clients for certificates wherever something says so", async () => {
    const { cert, key, ca } = member;
    const requestCert = true;
    const checked = { cert, key, ca, requestCert };
    for (const [options, argument] of [
      [{ listen, clientCertAuth: true }, "clientCertAuth"],
      [{ listen, clientCertAuth: true, tls: { cert, key } }, "clientCertAuth"],
      [{ listen, clientCertAuth: true, tls: { ...checked, rejectUnauthorized: false } }, "clientCertAuth"],
      [{ listen, tls: { cert, key, ca } }, "tls.ca"],
      [{ listen, tls: { cert, key, rejectUnauthorized: true } }, "tls.rejectUnauthorized"],
      [{ listen, tls: { ...checked, requestCert: "yes" } }, "tls.requestCert"],
      [{ listen, tls: { cert, key, requestcert: true } }, "tls.requestcert"],
      [{ listen, tls: { cert, key, rejectUnauthorised: true } }, "tls.rejectUnauthorised"],
      [{ listen: [...http, ...https], tls: checked }, "listen"],
      [{ listen: [...http, ...https], tls: checked, insecure: true }, "none: it listens"],
      [{ listen, clientCertAuth: true, tls: checked }, "none: it listens"],
    ] as const) {
      expect(await refusal(options)).toBe(argument);
    }
  });

  test("goes on checking clients when its certificate is renewed", async () => {
    const { cert, key, ca } = member;
    const server = await serveEtcd(store, { listen, tls: { cert, key, ca, requestCert: true } });
    const port = Number(new URL(server.urls[0]!).port);
    const renewed = contents(authority.member("renewed"));
    for (const wrong of [undefined, { cert: renewed.cert }, { cert: "x", key: "y" }])
      expect(() => server.setSecureContext(wrong as object)).toThrow(/tls|setSecureContext/);
    server.setSecureContext({ cert: renewed.cert, key: renewed.key });
    const client = contents(authority.sign({ commonName: "operator" }));
    expect(await namedBy(port, client)).toBe("renewed");
    const others = new Authority();
    await expect(
      namedBy(port, { ...contents(others.sign({ commonName: "operator" })), ca }),
    ).rejects.toThrow();
    others.remove();
    await server.close();
    const open = await serveEtcd(store, { listen });
    expect(() => open.setSecureContext({ cert, key })).toThrow("nothing is served over TLS");
    await open.close();
  });
});

function contents({ cert, key, ca }: CertificateFiles) {
  return { cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
}

/** The name in the certificate of a server that takes the client's; rejects when it does not. */
function namedBy(port: number, client: { cert: Buffer; key: Buffer; ca: Buffer }): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({ host: "127.0.0.1", port, ...client }, () =>
      socket.write("GET /version HTTP/1.0\r\n\r\n"),
    );
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
    socket.on("data", () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
  });
}
