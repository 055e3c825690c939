import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect as connectTls, type SecureContextOptions, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../../src/client/connect.ts";
import { Authority, type CertificateFiles, hasOpenssl, renew } from "../../transport/certificates.ts";
import { etcdctl, eventually, hasEtcdctl, type Place, type Served, ServedWorld } from "./served.ts";

const TIMEOUT_MS = 120_000;

describe.skipIf(!hasOpenssl || !hasEtcdctl)("quorate serve over TLS (needs openssl and etcdctl)", () => {
  let authority: Authority;
  let world: ServedWorld;
  beforeAll(() => {
    authority = new Authority();
  });
  afterAll(() => authority.remove());
  beforeEach(() => {
    world = new ServedWorld("https");
  });
  afterEach(() => world.end());

  const peerFlags = ({ cert, key, ca }: CertificateFiles) => [
    ...["--peer-cert-file", cert, "--peer-key-file", key, "--peer-trusted-ca-file", ca],
  ];
  const clientFlags = ({ cert, key, ca }: CertificateFiles) => [
    ...["--cert-file", cert, "--key-file", key, "--client-cert-auth", "--trusted-ca-file", ca],
  ];
  const etcdctlFlags = ({ cert, key, ca }: CertificateFiles) => [
    "--cacert",
    ca,
    "--cert",
    cert,
    "--key",
    key,
  ];

  function serve(place: Place, places: readonly Place[], more: readonly string[] = []): Served {
    const flags = [...peerFlags(authority.member(place.name)), ...clientFlags(authority.member(place.name))];
    return world.serve(place, [...world.flags(place, places), ...flags, ...more]);
  }

  test(
    "members and clients prove who they are; whoever cannot is turned away",
    async () => {
      const places = await world.places("n1", "n2");
      const servers = places.map((place) => serve(place, places));
      await Promise.all(servers.map((server) => server.ready()));

      const client = authority.sign({ commonName: "operator" });
      expect(await etcdctl(servers, ...etcdctlFlags(client), "put", "k", "v")).toBe("OK");
      expect(await etcdctl(servers, ...etcdctlFlags(client), "get", "k")).toBe("k\nv");
      expect(await etcdctl(servers, ...etcdctlFlags(client), "member", "list")).toContain(places[0]!.peer);

      const store = await connect({ endpoints: places.map((place) => place.client), tls: client });
      expect(await store.get("k")).toBe("v");
      await store.close();

      const brief = ["--dial-timeout=1s", "--command-timeout=1s"];
      await expect(etcdctl(servers, "--cacert", client.ca, ...brief, "get", "k")).rejects.toThrow();
      const other = new Authority();
      try {
        const stranger = { ...other.sign({ commonName: "operator" }), ca: client.ca };
        await expect(etcdctl(servers, ...etcdctlFlags(stranger), ...brief, "get", "k")).rejects.toThrow();
        const untrusting = await connect({ endpoints: places[0]!.client, tls: { ...client, ca: other.ca } });
        await expect(untrusting.get("k", { timeoutMs: 1_000 })).rejects.toMatchObject({
          code: "ERR_NO_QUORUM",
          outcome: "none",
        });
        await untrusting.close();
      } finally {
        other.remove();
      }
    },
    TIMEOUT_MS,
  );

  /** etcdctl as root, once users and roles count: ann may read and write `a`. */
  async function addUsers(server: Served, root: CertificateFiles, ann: CertificateFiles): Promise<void> {
    const as = (files: CertificateFiles, ...args: readonly string[]) =>
      etcdctl([server], ...etcdctlFlags(files), ...args);
    for (const line of [
      "user add root:pw",
      "user grant-role root root",
      "user add ann --no-password",
      "role add own",
      "role grant-permission own readwrite a",
      "user grant-role ann own",
      "put z 1",
      "auth enable",
    ])
      await as(root, ...line.split(" "));
    expect(await as(ann, "--user", "root:pw", "get", "z")).toBe("z\n1");
  }

  test(
    "with --client-cert-auth the name in a certificate is the user, for as long as no token says otherwise",
    async () => {
      const [place] = await world.places("n1");
      const audit = join(world.directory, "audit.log");
      const server = serve(place!, [place!], ["--audit-log", audit, "--audit-writes"]);
      await server.ready();
      const [root, ann, stranger] = ["root", "ann", "nobody"].map((commonName) =>
        authority.sign({ commonName }),
      ) as [CertificateFiles, CertificateFiles, CertificateFiles];
      await addUsers(server, root, ann);

      const as = (files: CertificateFiles, ...args: readonly string[]) =>
        etcdctl([server], ...etcdctlFlags(files), ...args);
      expect(await as(ann, "put", "a", "mine")).toBe("OK");
      await expect(as(ann, "put", "b", "not mine")).rejects.toThrow("permission denied");
      await expect(as(ann, "user", "list")).rejects.toThrow("permission denied");
      await expect(as(stranger, "get", "a")).rejects.toThrow("permission denied");
      await expect(as(authority.sign({}), "get", "a")).rejects.toThrow("user name is empty");
      expect(await as(root, "user", "list")).toBe("ann\nroot");
      expect(await as(root, "get", "z")).toBe("z\n1");
      // What the gateway sees of a certificate need not be the user's.
      const { ca, cert, key } = Object.fromEntries(
        Object.entries(root).map(([name, path]) => [name, readFileSync(path)]),
      );
      const json = await postOver({ ca, cert, key }, `${place!.client}/v3/kv/range`, { key: "eg==" });
      expect(json).toContain("user name is empty");

      expect(await server.end("SIGTERM")).toBe(0);
      const events = readFileSync(audit, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(events).toContainEqual(
        expect.objectContaining({ method: "/etcdserverpb.Auth/AuthEnable", code: 0 }),
      );
      expect(events).toContainEqual(
        expect.objectContaining({
          user: "ann",
          method: "/etcdserverpb.KV/Put",
          about: { key: "a" },
          code: 0,
        }),
      );
      expect(events).toContainEqual(expect.objectContaining({ user: "ann", about: { key: "b" }, code: 7 }));
    },
    TIMEOUT_MS,
  );

  test(
    "with --trusted-ca-file alone a certificate must be shown, and its name is nobody's: as in etcd",
    async () => {
      const [place] = await world.places("n1");
      const { cert, key, ca } = authority.member("n1");
      const server = world.serve(place!, [
        ...world.flags(place!, [place!]),
        ...peerFlags(authority.member("n1")),
        ...["--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca],
      ]);
      await server.ready();
      const brief = ["--dial-timeout=1s", "--command-timeout=1s"];
      await expect(etcdctl([server], "--cacert", ca, ...brief, "get", "z")).rejects.toThrow();
      const [root, ann] = ["root", "ann"].map((commonName) => authority.sign({ commonName })) as [
        CertificateFiles,
        CertificateFiles,
      ];
      await addUsers(server, root, ann);
      await expect(etcdctl([server], ...etcdctlFlags(root), "get", "z")).rejects.toThrow(
        "user name is empty",
      );
    },
    TIMEOUT_MS,
  );

  test(
    "a member joins over TLS, with a certificate of its own name only",
    async () => {
      const [first, second] = await world.places("n1", "n2");
      const server = serve(first!, [first!]);
      await server.ready();
      const client = etcdctlFlags(authority.sign({ commonName: "operator" }));
      await etcdctl([server], ...client, "member", "add", "n2", `--peer-urls=${second!.peer}`);

      const joining = [...world.flags(second!, [first!, second!]), "--initial-cluster-state", "existing"];
      const impostor = world.serve(second!, [
        ...joining,
        ...peerFlags(authority.member("n3")),
        ...clientFlags(authority.member("n3")),
      ]);
      expect(await impostor.ended).toBe(1);
      expect(impostor.log).toContain("wrong certificate");

      const member = serve(second!, [first!, second!], ["--initial-cluster-state", "existing"]);
      await member.ready();
      await eventually(
        () => etcdctl([member], ...client, "member", "list"),
        (list) => list.split("\n").every((line) => line.includes("started")),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "a renewed certificate is shown to clients without a restart, and spoken in the same cipher suites",
    async () => {
      const [place] = await world.places("n1");
      const files = authority.member("n1");
      const flags = [
        ...peerFlags(authority.member("n1")),
        "--cert-file",
        files.cert,
        "--key-file",
        files.key,
        "--cipher-suites",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      ];
      const server = world.serve(place!, [...world.flags(place!, [place!]), ...flags]);
      await server.ready();
      const before = await shown(place!);
      renew(files, authority.member("n1"));
      await eventually(
        () => shown(place!),
        (serial) => serial !== before,
      );
      expect(await etcdctl([server], "--cacert", files.ca, "put", "k", "v")).toBe("OK");
      const suite = (ciphers: string) => spoken(place!, { maxVersion: "TLSv1.2", ciphers });
      expect(await suite("ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256")).toBe(
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
      );
      await expect(suite("ECDHE-ECDSA-AES128-GCM-SHA256")).rejects.toThrow("handshake failure");
    },
    TIMEOUT_MS,
  );
});

test(
  "a server that others could reach is refused without TLS, unless it is told to be insecure",
  async () => {
    const world = new ServedWorld();
    try {
      const [place] = await world.places("n1");
      const open = { ...place!, client: place!.client.replace("127.0.0.1", "0.0.0.0") };
      const flags = world.flags(open, [open]);
      const refused = world.serve(open, flags);
      expect(await refused.ended).toBe(1);
      expect(refused.log).toContain("insecure");
      const allowed = world.serve(open, [...flags, "--insecure"]);
      await allowed.ready();
      expect(allowed.log).toContain("--insecure: without TLS others on the network");
    } finally {
      await world.end();
    }
  },
  TIMEOUT_MS,
);

test(
  "a server that cannot write down what it is to audit does not start",
  async () => {
    const world = new ServedWorld();
    try {
      const [place] = await world.places("n1");
      const audit = join(world.directory, "no such folder", "audit.log");
      const refused = world.serve(place!, [...world.flags(place!, [place!]), "--audit-log", audit]);
      expect(await refused.ended).toBe(1);
      expect(refused.log).toContain("quorate: ERR_DISK: --audit-log: cannot write");
    } finally {
      await world.end();
    }
  },
  TIMEOUT_MS,
);

test("the versions are those of etcd that clients are told, and our own", () => {
  const args = ["--import", "tsx", "src/cli/main.ts", "serve", "--version"];
  const text = execFileSync(process.execPath, args, { encoding: "utf8" });
  expect(text).toMatch(/^etcd Version: 3\.\d+\.\d+\nQuorate Version: \d+\.\d+\.\d+\n/);
});

/** What is answered to a JSON request over TLS. */
function postOver(tls: SecureContextOptions, url: string, json: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ...tls, method: "POST" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => (text += piece));
      response.on("end", () => resolve(text));
    });
    call.on("error", reject).end(JSON.stringify(json));
  });
}

/** The serial number of the certificate that a server shows. */
function shown(place: Place): Promise<string> {
  return dialled(place, {}, (socket) => socket.getPeerCertificate().serialNumber);
}

/** The cipher suite that a server chooses. */
function spoken(place: Place, options: SecureContextOptions): Promise<string> {
  return dialled(place, options, (socket) => socket.getCipher().standardName);
}

function dialled<Value>(
  { client }: Place,
  secured: SecureContextOptions,
  look: (socket: TLSSocket) => Value,
): Promise<Value> {
  const { port } = new URL(client);
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: Number(port),
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      ...secured,
    };
    const socket = connectTls(options, () => {
      resolve(look(socket));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}
