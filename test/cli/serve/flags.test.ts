import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCiphers } from "node:tls";
import { afterAll, describe, expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { cipherList, GO_SUITES } from "../../../src/cli/serve/cipher-suites.ts";
import { readSpan } from "../../../src/cli/serve/flag-values.ts";
import { FLAGS, readFlags } from "../../../src/cli/serve/flags.ts";
import { serveSettings } from "../../../src/cli/serve/settings.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-flags-"));
afterAll(() => rmSync(directory, { recursive: true }));

const settings = (...args: string[]) => serveSettings(readFlags(args, {}));

describe("flags of a server", () => {
  test("are written with one dash or two, with a space or an equals sign", () => {
    for (const args of [["--name", "n1"], ["--name=n1"], ["-name", "n1"], ["-name=n1"]]) {
      expect(readFlags(args, {}).values.name).toBe("n1");
    }
    expect(readFlags(["--initial-cluster", "n1=http://a:1"], {}).values["initial-cluster"]).toBe(
      "n1=http://a:1",
    );
  });

  test("that switch something on need no value, and do not swallow the next flag", () => {
    const { values } = readFlags(["--client-cert-auth", "--name", "n1"], {});
    expect([values["client-cert-auth"], values.name]).toEqual(["true", "n1"]);
    expect(readFlags(["--client-cert-auth=false"], {}).values["client-cert-auth"]).toBe("false");
  });

  test("may stand in the environment: ours before etcd's, and the command line before both", () => {
    const env = {
      ETCD_NAME: "a",
      QUORATE_NAME: "b",
      ETCD_DATA_DIR: "/d",
      QUORATE_SIM_SEED: "1",
      PATH: "/bin",
    };
    for (const entries of [Object.entries(env), Object.entries(env).reverse()]) {
      const { values, warnings } = readFlags([], Object.fromEntries(entries));
      expect([values.name, values["data-dir"], warnings]).toEqual(["b", "/d", []]);
    }
    expect(readFlags(["--name", "c"], env).values.name).toBe("c");
  });

  test("that are not known are told of, and the rest holds", () => {
    const args = ["--logger=zap", "--enable-v2", "--log-level", "debug", "--name", "n1"];
    const { values, warnings } = readFlags(args, { ETCD_ENABLE_PPROF: "true" });
    expect(values.name).toBe("n1");
    expect(warnings).toEqual([
      "there is no flag for ETCD_ENABLE_PPROF here: it has no effect",
      "there is no flag --logger here: it has no effect",
      "there is no flag --enable-v2 here: it has no effect",
      "there is no flag --log-level here: it has no effect",
    ]);
  });

  test("that keep others out, or say whose member this is, are not passed over", () => {
    for (const [flag, value] of [
      ["config-file", "/etc/etcd.yaml"],
      ["auto-tls", "true"],
      ["peer-auto-tls", "true"],
      ["client-cert-allowed-hostname", "a.example"],
      ["peer-cert-allowed-cn", "member"],
      ["peer-cert-allowed-hostname", "a.example"],
      ["host-whitelist", "localhost"],
      ["discovery", "https://discovery.example/1"],
      ["discovery-srv", "example"],
      ["proxy", "on"],
      ["force-new-cluster", "true"],
    ]) {
      expect(() => settings(`--${flag}=${value}`), flag).toThrow(`--${flag} is not supported`);
      const variable = `ETCD_${flag!.toUpperCase().replaceAll("-", "_")}`;
      expect(() => readFlags([], { [variable]: value }), variable).toThrow(`${variable} is not supported`);
    }
    expect(() => readFlags(["--force-new-cluster", "--name", "n1"], {})).toThrow("quorate restore");
    const harmless = ["--auto-tls=false", "--proxy", "off", "--host-whitelist=*", "--discovery="];
    expect(readFlags(harmless, {}).warnings).toHaveLength(4);
  });

  test("that neither we nor etcd have are refused, with the nearest one", () => {
    for (const [flag, nearest] of [
      ["client-cert-atuh", "client-cert-auth"],
      ["trusted-ca-fil", "trusted-ca-file"],
      ["peer-secret-fiel", "peer-secret-file"],
      ["log-levl", "log-level"],
      ["auto-tsl", "auto-tls"],
    ]) {
      expect(() => settings(`--${flag}=x`), flag).toThrow(
        new UsageError(`there is no flag --${flag}; did you mean --${nearest}?`),
      );
    }
    expect(() => settings("--colour", "blue")).toThrow(new UsageError("there is no flag --colour"));
    const known = ["--experimental-corrupt-check-time=1h", "--wal-dir=/w", "--feature-gates=A=true"];
    expect(readFlags(known, {}).warnings).toHaveLength(3);
    const variables = {
      ETCD_CLIENT_CERT_ATUH: "true",
      ETCD_PORT_2379_TCP: "tcp://10.0.0.1:2379",
      QUORATE_DATADIR: "/d",
    };
    expect(readFlags([], variables).warnings).toEqual([
      "there is no flag for ETCD_CLIENT_CERT_ATUH here: it has no effect; did you mean ETCD_CLIENT_CERT_AUTH?",
      "there is no flag for ETCD_PORT_2379_TCP here: it has no effect",
      "there is no flag for QUORATE_DATADIR here: it has no effect; did you mean QUORATE_DATA_DIR?",
    ]);
  });

  test("that ask for encryption or authentication take effect, or are refused", () => {
    const client = ["--cert-file=c", "--key-file=k"];
    const peer = ["--peer-cert-file=c", "--peer-key-file=k", "--peer-trusted-ca-file=a"];
    const [http, https] = [
      "--listen-client-urls=http://localhost:1",
      "--listen-client-urls=https://localhost:1",
    ];
    const both = "--listen-client-urls=https://localhost:1,http://localhost:2";
    for (const [args, message] of [
      [["--client-cert-auth"], "--client-cert-auth has no effect without --cert-file"],
      [["--client-cert-auth", https], "--client-cert-auth has no effect without --cert-file"],
      [["--client-cert-auth", ...peer], "--client-cert-auth has no effect without --cert-file"],
      [["--trusted-ca-file=a"], "--trusted-ca-file has no effect without --cert-file"],
      [["--client-crl-file=r"], "--client-crl-file has no effect without --cert-file"],
      [
        [...client, https, "--client-crl-file=r"],
        "--client-crl-file has no effect without --trusted-ca-file",
      ],
      [[...client], "--cert-file has no effect while --listen-client-urls has no https URL"],
      [[...client, http], "--cert-file has no effect while --listen-client-urls has no https URL"],
      [
        [...client, both, "--client-cert-auth"],
        "whoever connects to http://localhost:2 shows no certificate",
      ],
      [
        [...client, both, "--trusted-ca-file=a"],
        "whoever connects to http://localhost:2 shows no certificate",
      ],
      [[https], "--listen-client-urls: https needs --cert-file and --key-file"],
      [["--listen-metrics-urls=https://localhost:1"], "--listen-metrics-urls: https needs"],
      [["--tls-min-version=TLS1.3"], "--tls-min-version has no effect without certificates"],
      [["--cipher-suites=TLS_AES_128_GCM_SHA256"], "--cipher-suites has no effect without certificates"],
      [["--peer-client-cert-auth"], "--peer-client-cert-auth has no effect without --peer-cert-file"],
      [["--peer-trusted-ca-file=a"], "members need --peer-cert-file"],
      [["--peer-crl-file=r"], "members need --peer-cert-file"],
      [["--listen-peer-urls=https://localhost:1"], "members need --peer-cert-file"],
      [
        ["--initial-cluster=default=http://localhost:2380,b=https://localhost:1"],
        "members need --peer-cert-file",
      ],
      [["--audit-writes"], "--audit-writes has no effect without --audit-log"],
      [["--auth-token=jwt,pub-key=p"], "--auth-token is not supported"],
      [["--auth-token-ttl=60"], "--auth-token-ttl is not supported"],
      [["--tls-max-version=TLS1.2"], "--tls-max-version is not supported"],
      [["--client-cert-auth="], "--client-cert-auth is empty"],
      [["--trusted-ca-file", ""], "--trusted-ca-file is empty"],
      [["--peer-secret-file="], "--peer-secret-file is empty"],
      [["--audit-log="], "--audit-log is empty"],
    ] as const) {
      expect(() => settings(...args), args.join(" ")).toThrow(message);
    }
    for (const args of [
      [...client, both],
      [...client, both, "--client-cert-auth", "--insecure"],
      [...client, https, "--client-cert-auth", "--listen-metrics-urls=http://localhost:2"],
      [...client, https, "--trusted-ca-file=a", "--client-crl-file=r", "--tls-min-version=TLS1.3"],
      [...peer, "--peer-client-cert-auth", "--cipher-suites=TLS_AES_128_GCM_SHA256"],
      [
        "--client-cert-auth=false",
        "--peer-client-cert-auth=false",
        "--auth-token=simple",
        "--auth-token-ttl=300",
      ],
    ]) {
      expect(() => settings(...args), args.join(" ")).not.toThrow();
    }
    expect(() => serveSettings(readFlags([], { ETCD_CLIENT_CERT_AUTH: "true" }))).toThrow("has no effect");
    expect(serveSettings(readFlags([], { ETCD_CLIENT_CERT_AUTH: "" })).clientCertAuth).toBe(false);
  });

  test("without a value, or that are none, make no sense", () => {
    expect(() => readFlags(["--name"], {})).toThrow("--name needs a value");
    expect(() => readFlags(["start"], {})).toThrow('"start" is not a flag');
  });

  test("have etcd's defaults", () => {
    expect(settings()).toMatchObject({
      name: "default",
      directory: "default.etcd",
      clientUrls: ["http://localhost:2379"],
      advertisedUrls: ["http://localhost:2379"],
      peerListen: "localhost:2380",
      peerAddress: "localhost:2380",
      members: { default: "localhost:2380" },
      cluster: "etcd-cluster",
      isJoining: false,
      tickMs: 100,
      electionTicks: 10,
      quotaBytes: undefined,
      compaction: null,
      progressNotifyMs: 600_000,
      insecure: false,
    });
    expect(FLAGS["heartbeat-interval"].fallback).toBe("100");
  });

  test("tell of a cluster of several members", () => {
    const cluster = "n1=http://127.0.0.1:1,n2=http://[::1]:2";
    const given = settings(
      ...[
        "--name",
        "n1",
        "--initial-cluster",
        cluster,
        "--initial-advertise-peer-urls",
        "http://127.0.0.1:1",
      ],
    );
    expect(given.members).toEqual({ n1: "127.0.0.1:1", n2: "[::1]:2" });
    expect(() => settings("--name", "n3", "--initial-cluster", cluster)).toThrow("must name this member, n3");
    expect(() => settings("--name", "n1", "--initial-cluster", cluster)).toThrow("has n1 at 127.0.0.1:1");
    expect(() => settings("--initial-cluster", "n1")).toThrow("must be NAME=URL");
  });

  test("that give a member several peer URLs are followed as to the first, and the rest is told of", () => {
    const given = settings(
      ...["--name", "n1", "--listen-peer-urls", "http://127.0.0.1:1,http://127.0.0.1:2"],
      ...["--initial-advertise-peer-urls", "http://127.0.0.1:1,http://127.0.0.1:2"],
      ...["--initial-cluster", "n1=http://127.0.0.1:1,n1=http://127.0.0.1:2,n2=http://127.0.0.1:3"],
    );
    expect(given.members).toEqual({ n1: "127.0.0.1:1", n2: "127.0.0.1:3" });
    expect([given.peerListen, given.peerAddress]).toEqual(["127.0.0.1:1", "127.0.0.1:1"]);
    expect(given.warnings).toEqual([
      "--listen-peer-urls: a member has one address here, 127.0.0.1:1; 127.0.0.1:2 is not used",
      "--initial-advertise-peer-urls: a member has one address here, 127.0.0.1:1; 127.0.0.1:2 is not used",
    ]);
    expect(settings().warnings).toEqual([]);
  });

  test("that no server can follow are refused by name", () => {
    for (const [flag, value] of [
      ["heartbeat-interval", "0"],
      ["heartbeat-interval", "1.5"],
      ["election-timeout", "-1"],
      ["election-timeout", "NaN"],
      ["snapshot-count", "-10"],
      ["quota-backend-bytes", "much"],
      ["max-txn-ops", "Infinity"],
      ["max-request-bytes", "0"],
      ["initial-cluster-state", "old"],
      ["auto-compaction-mode", "daily"],
      ["auto-compaction-retention", "-1h"],
      ["watch-progress-notify-interval", "10"],
      ["client-cert-auth", "perhaps"],
      ["listen-peer-urls", ""],
      ["listen-peer-urls", "tcp://a:1"],
      ["initial-advertise-peer-urls", "http://a"],
      ["peer-secret-file", "/nowhere"],
    ] as const) {
      expect(() => settings(`--${flag}=${value}`), `${flag} ${value}`).toThrow(`--${flag}`);
    }
    expect(() => settings("--cert-file", "a.pem")).toThrow("--cert-file and --key-file belong together");
  });

  test("for TLS between members are all needed once one is, or the URL says https", () => {
    const https = ["--initial-advertise-peer-urls", "https://localhost:2380"];
    expect(() => settings(...https)).toThrow("members need");
    const pair = ["--peer-cert-file", "c", "--peer-key-file", "k"];
    expect(() => settings(...pair)).toThrow("members need");
    expect(settings(...https, ...pair, "--peer-trusted-ca-file", "a").peerTls).toMatchObject({
      ...{ cert: "c", key: "k", ca: "a", minVersion: "TLSv1.3" },
    });
  });

  test("name cipher suites as Go does, and those of TLS 1.3 stay", () => {
    const pair = ["--cert-file", "c", "--key-file", "k", "--listen-client-urls", "https://localhost:2379"];
    const ciphers = (...suites: string[]) =>
      settings(...pair, "--cipher-suites", suites.join()).clientTls!.ciphers;
    const newest = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
    expect(ciphers()).toBeUndefined();
    expect(ciphers("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305")).toBe(
      `${newest}:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305`,
    );
    expect(ciphers("TLS_AES_256_GCM_SHA384")).toBe("TLS_AES_256_GCM_SHA384");
    expect(() => ciphers("RC4", "TLS_AES_256_GCM_SHA384")).toThrow('--cipher-suites: "RC4" is none of TLS_');
    for (const name of GO_SUITES) {
      const known = cipherList([name])!.split(":");
      expect(getCiphers(), name).toEqual(expect.arrayContaining(known.map((each) => each.toLowerCase())));
    }
  });

  test("say how much history is kept", () => {
    const compaction = (...args: string[]) => settings(...args).compaction;
    expect(compaction("--auto-compaction-retention", "1h")).toEqual({ mode: "periodic", spanMs: 3_600_000 });
    expect(compaction("--auto-compaction-retention", "2")).toEqual({ mode: "periodic", spanMs: 7_200_000 });
    expect(compaction("--auto-compaction-retention", "0")).toBeNull();
    const revision = ["--auto-compaction-mode", "revision", "--auto-compaction-retention"];
    expect(compaction(...revision, "1000")).toEqual({ mode: "revision", revisions: 1000 });
    expect(settings("--quota-backend-bytes", "-1").quotaBytes).toBe(Number.POSITIVE_INFINITY);
  });

  test("name a secret by its file", () => {
    const file = join(directory, "secret");
    writeFileSync(file, "of all members\n");
    expect(settings("--peer-secret-file", file).peerSecret).toBe("of all members");
    writeFileSync(file, "\n");
    expect(() => settings("--peer-secret-file", file)).toThrow("is empty");
  });
});

test("spans of time are read as Go writes them", () => {
  expect(readSpan("x", "100ms")).toBe(100);
  expect(readSpan("x", "1h30m")).toBe(5_400_000);
  expect(readSpan("x", "1.5s")).toBe(1_500);
  for (const wrong of ["", "5", "-1s", "1d", "1s 2s", "0s"])
    expect(() => readSpan("x", wrong)).toThrow("--x");
});
