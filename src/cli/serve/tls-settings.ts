import { defined } from "../../base/defaults.ts";
import type { TlsOptions } from "../../transport/tls/tls-files.ts";
import type { PeerTlsOptions } from "../../transport/tls/tls-peers.ts";
import { UsageError } from "../command.ts";
import { cipherList } from "./cipher-suites.ts";
import { itemsOf, oneOf, readSwitch } from "./flag-values.ts";
import type { FlagName, GivenFlags } from "./flags.ts";

/** Who is believed, and who can read along. */
export interface TlsSettings {
  readonly clientTls: TlsOptions | null;
  readonly needsClientCertificate: boolean;
  /** Whether the names in clients' certificates are those of users. */
  readonly clientCertAuth: boolean;
  readonly peerTls: PeerTlsOptions | null;
}

/** The URLs that a server is given, by what they are for. */
interface GivenUrls {
  readonly client: readonly string[];
  readonly metrics: readonly string[];
  readonly peers: readonly string[];
}

/**
 * Makes sense of the flags for TLS. Throws UsageError where one of them would have no effect: a server that passed over
 * it would be more open than it was asked to be.
 */
export function tlsSettings({ values, given }: GivenFlags, urls: GivenUrls): TlsSettings {
  const text = (name: FlagName): string => values[name];
  const on = (name: FlagName): boolean => readSwitch(name, text(name));
  const clientTls = tlsOf(text, ["cert-file", "key-file", "trusted-ca-file", "client-crl-file"], "TLSv1.2");
  const peerTls = peerTlsOf(text, urls.peers);
  const settings = {
    clientTls,
    // As in etcd, an authority for clients means that clients must show a certificate.
    needsClientCertificate: on("client-cert-auth") || text("trusted-ca-file") !== "",
    clientCertAuth: on("client-cert-auth"),
    peerTls,
  };
  if (clientTls === null) checkNoClientTls(text, settings, urls);
  else checkClientTls(text, settings, { ...urls, isInsecure: on("insecure") });
  if (peerTls === null && given.has("peer-client-cert-auth") && on("peer-client-cert-auth"))
    throw vain(
      "peer-client-cert-auth",
      "without --peer-cert-file, --peer-key-file and --peer-trusted-ca-file",
    );
  for (const name of ["tls-min-version", "cipher-suites"] as const)
    if (clientTls === null && peerTls === null && text(name) !== "")
      throw vain(name, "without certificates, in --cert-file or --peer-cert-file");
  return settings;
}

function checkNoClientTls(
  text: (name: FlagName) => string,
  { clientCertAuth }: Pick<TlsSettings, "clientCertAuth">,
  { client, metrics }: GivenUrls,
): void {
  const without = "without --cert-file and --key-file";
  if (clientCertAuth) throw vain("client-cert-auth", without);
  for (const name of ["trusted-ca-file", "client-crl-file"] as const)
    if (text(name) !== "") throw vain(name, without);
  if (client.some(isEncrypted))
    throw new UsageError(`--listen-client-urls: https needs --cert-file and --key-file`);
  if (metrics.some(isEncrypted))
    throw new UsageError(`--listen-metrics-urls: https needs --cert-file and --key-file`);
}

function checkClientTls(
  text: (name: FlagName) => string,
  { needsClientCertificate }: Pick<TlsSettings, "needsClientCertificate">,
  { client, isInsecure }: GivenUrls & { readonly isInsecure: boolean },
): void {
  if (!client.some(isEncrypted)) throw vain("cert-file", "while --listen-client-urls has no https URL");
  if (!needsClientCertificate && text("client-crl-file") !== "")
    throw vain("client-crl-file", "without --trusted-ca-file");
  const open = client.find((url) => !isEncrypted(url));
  if (!needsClientCertificate || isInsecure || open === undefined) return;
  const flag = text("trusted-ca-file") === "" ? "client-cert-auth" : "trusted-ca-file";
  const message = `--${flag}: whoever connects to ${open} shows no certificate; leave that URL out, or say --insecure`;
  throw new UsageError(message);
}

function isEncrypted(url: string): boolean {
  return /^https:/i.test(url);
}

function vain(name: FlagName, when: string): UsageError {
  return new UsageError(`--${name} has no effect ${when}`);
}

type TlsFlags = readonly [cert: FlagName, key: FlagName, ca: FlagName, crl: FlagName];

/** Null when no certificate was named. */
function tlsOf(
  text: (name: FlagName) => string,
  [cert, key, ca, crl]: TlsFlags,
  usual: "TLSv1.2" | "TLSv1.3",
): TlsOptions | null {
  if ((text(cert) === "") !== (text(key) === ""))
    throw new UsageError(`--${cert} and --${key} belong together`);
  const versions = { "": usual, "TLS1.2": "TLSv1.2", "TLS1.3": "TLSv1.3" } as const;
  const asked = oneOf("tls-min-version", text("tls-min-version"), Object.keys(versions));
  const minVersion = versions[asked as keyof typeof versions];
  const ciphers = cipherList(itemsOf(text("cipher-suites")));
  if (text(cert) === "") return null;
  const given = (name: FlagName): string | undefined => (text(name) === "" ? undefined : text(name));
  return defined({ cert: given(cert), key: given(key), ca: given(ca), crl: given(crl), minVersion, ciphers });
}

function peerTlsOf(text: (name: FlagName) => string, urls: readonly string[]): PeerTlsOptions | null {
  const files = ["peer-cert-file", "peer-key-file", "peer-trusted-ca-file", "peer-crl-file"] as const;
  const tls = tlsOf(text, files, "TLSv1.3");
  if (tls?.ca !== undefined) return tls as PeerTlsOptions;
  const named = files.find((name) => text(name) !== "");
  const encrypted = urls.find(isEncrypted);
  if (named === undefined && encrypted === undefined) return null;
  const why = named === undefined ? `for ${encrypted}` : `beside --${named}`;
  throw new UsageError(`members need --peer-cert-file, --peer-key-file and --peer-trusted-ca-file ${why}`);
}
