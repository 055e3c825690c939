import { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions, type TlsOptions } from "node:tls";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { isPlainObject } from "../base/options.ts";

/** What of the options of a front says who is believed. */
interface Trust {
  readonly tls?: TlsOptions;
  readonly clientCertAuth?: boolean | undefined;
}

/** Options of Node's on which it depends who can read along, and who is believed. */
const NODE_NAMES = [
  ...["cert", "key", "pfx", "passphrase", "ca", "crl", "requestCert", "rejectUnauthorized"],
  ...["minVersion", "maxVersion", "secureProtocol", "secureOptions", "ciphers", "honorCipherOrder"],
  ...["ecdhCurve", "sigalgs", "dhparam", "sessionTimeout", "sessionIdContext", "ticketKeys"],
  ...["handshakeTimeout", "enableTrace", "allowPartialTrustChain", "clientCertEngine"],
  ...["privateKeyEngine", "privateKeyIdentifier", "SNICallback", "ALPNProtocols", "ALPNCallback"],
  ...["pskCallback", "pskIdentityHint"],
];

/**
 * Throws ERR_INVALID_ARGUMENT where the TLS options ask for something that would not come about: a listener without a
 * certificate, or clients whose certificates nobody looks at. Node itself says nothing of either.
 */
export function checkServerTls({ tls, clientCertAuth }: Trust): void {
  if (tls !== undefined) {
    checkNames(tls);
    checkCertificate(tls);
    checkNegotiation(tls);
  }
  if (clientCertAuth !== true || isClientChecked(tls)) return;
  const message =
    "clientCertAuth needs tls with requestCert: true, and not rejectUnauthorized: false; without them no certificate of a client is checked";
  throw invalidArgument("clientCertAuth", clientCertAuth, message);
}

/**
 * The TLS options with other certificates. What is not given stays: without its `ca` a server would believe every
 * authority that the system trusts. Throws ERR_INVALID_ARGUMENT.
 */
export function renewedTls(tls: TlsOptions | undefined, given: SecureContextOptions): TlsOptions {
  if (tls === undefined)
    throw invalidArgument("tls", undefined, "nothing is served over TLS: give tls to serveEtcd");
  if (!isPlainObject(given))
    throw invalidArgument("options", undefined, "setSecureContext takes TLS options in Node's form");
  const renewed = { ...tls, ...given };
  checkServerTls({ tls: renewed });
  return renewed;
}

/** Whether clients must show a certificate that is checked. */
export function isClientChecked(tls: TlsOptions | undefined): boolean {
  return tls?.requestCert === true && tls.rejectUnauthorized !== false;
}

/** Throws ERR_INVALID_ARGUMENT for certificates and keys that a server cannot use. */
function checkCertificate(tls: TlsOptions): void {
  const { cert, key, pfx, SNICallback, pskCallback } = tls;
  const has = (value: unknown): boolean =>
    value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
  if (has(cert) !== has(key))
    throw refusal(has(cert) ? "key" : "cert", "must be given: cert and key belong together");
  if (![cert, pfx, SNICallback, pskCallback].some(has))
    throw refusal("cert", "must be given, with tls.key: a server without a certificate cannot speak TLS");
  try {
    createSecureContext(tls);
    // Node takes what is no certificate, and then believes nobody.
    for (const authority of [tls.ca ?? []].flat()) new X509Certificate(authority);
  } catch (cause) {
    const hint = "they are given as PEM text or bytes, not as paths of files";
    throw refusal(
      "cert",
      `and the others of tls cannot be used: ${(cause as Error).message}; ${hint}`,
      cause,
    );
  }
}

/** Node passes over options that it does not know: what is nearly one of its own was meant to be that. */
function checkNames(tls: TlsOptions): void {
  for (const name of Object.keys(tls)) {
    if (NODE_NAMES.includes(name)) continue;
    const known = nearest(name, NODE_NAMES);
    if (known !== undefined) throw refusal(name, `is no option; did you mean ${known}?`);
  }
}

function checkNegotiation(tls: TlsOptions): void {
  for (const name of ["ALPNProtocols", "ALPNCallback"] as const)
    if (tls[name] !== undefined) throw refusal(name, "cannot be chosen: this port speaks h2 and http/1.1");
  for (const name of ["requestCert", "rejectUnauthorized"] as const)
    if (tls[name] !== undefined && typeof tls[name] !== "boolean")
      throw refusal(name, "must be true or false");
  if (tls.requestCert === true) return;
  for (const name of ["ca", "crl"] as const)
    if (tls[name] !== undefined) throw refusal(name, "is for checking clients: it needs requestCert: true");
  if (tls.rejectUnauthorized === true)
    throw refusal("rejectUnauthorized", "has no effect without requestCert: true");
}

/** Without what was received: it may be a key. */
function refusal(name: string, claim: string, cause?: unknown): QuorateError {
  const argument = `tls.${name}`;
  return new QuorateError("ERR_INVALID_ARGUMENT", `${argument} ${claim}`, { argument }, { cause });
}
