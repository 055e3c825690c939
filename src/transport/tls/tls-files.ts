import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { QuorateError } from "../../base/errors.ts";
import { type Demands, definite, OptionTable, oneOf, required, text } from "../../base/options.ts";
import { systemReason } from "../../base/system-reason.ts";
import { monotonicNow } from "../../base/system-time.ts";

/** Each is PEM text, or the path of a PEM file. */
export interface TlsOptions {
  /** The certificate of this end, followed by those that lead up to the authority. */
  readonly cert?: string;
  readonly key?: string;
  /** The authorities whose certificates are believed. Without it those that the system trusts. */
  readonly ca?: string;
  /** Certificates that were revoked. */
  readonly crl?: string;
  /** `TLSv1.3` by default. */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /** Cipher suites by OpenSSL's names, with colons between them. By default Node's. */
  readonly ciphers?: string | undefined;
}

const pem = definite(text);

const TLS: Demands<TlsOptions> = {
  cert: pem,
  key: pem,
  ca: pem,
  crl: pem,
  minVersion: oneOf("TLSv1.2", "TLSv1.3"),
  ciphers: text,
};

export const TLS_OPTIONS = new OptionTable<TlsOptions>("tls", TLS, "tls.");

/** The same where each end must show who it is. */
export const MUTUAL_TLS_OPTIONS = new OptionTable<TlsOptions>(
  "tls",
  { ...TLS, cert: required(text), key: required(text), ca: required(text) },
  "tls.",
);

const PARTS = ["cert", "key", "ca", "crl"] as const;

/** How often files are looked at, at most, however many connections come. */
const LOOK_MS = 1_000;

/**
 * Certificates and keys that may be renewed while they are in use. Files that have changed are read again when
 * `refresh` is called; what cannot be used, such as a new certificate whose key is not there yet, changes nothing.
 */
export class TlsFiles {
  readonly #options: TlsOptions;
  #stamp: string;
  #lookedAt = monotonicNow();
  #current: { readonly options: SecureContextOptions; readonly context: SecureContext };

  /** Throws ERR_INVALID_ARGUMENT for what cannot be read or used. */
  constructor(options: TlsOptions) {
    checkPair(options);
    this.#options = options;
    this.#stamp = this.#look();
    this.#current = this.#read();
  }

  /** For whoever listens or connects by `node:tls`. */
  get options(): SecureContextOptions {
    return this.#current.options;
  }

  get context(): SecureContext {
    return this.#current.context;
  }

  /** Takes what has changed, now and then. Gives the reason when that cannot be used: once for each change. */
  refresh(): QuorateError | null {
    if (monotonicNow() - this.#lookedAt < LOOK_MS) return null;
    return this.reload();
  }

  /** The same at once. */
  reload(): QuorateError | null {
    this.#lookedAt = monotonicNow();
    const stamp = this.#look();
    if (stamp === this.#stamp) return null;
    this.#stamp = stamp;
    try {
      this.#current = this.#read();
      return null;
    } catch (error) {
      if (!QuorateError.is(error)) throw error;
      return error;
    }
  }

  /** Changes when a file does. */
  #look(): string {
    const paths = PARTS.map((part) => this.#options[part]).filter(
      (given) => given !== undefined && !isPem(given),
    );
    return paths.map((path) => fileStamp(path!)).join(" ");
  }

  #read(): { options: SecureContextOptions; context: SecureContext } {
    const { minVersion = "TLSv1.3", ciphers } = this.#options;
    const read = PARTS.flatMap((part) => {
      const given = this.#options[part];
      return given === undefined ? [] : [[part, isPem(given) ? given : readPem(part, given)] as const];
    });
    const options: SecureContextOptions = { ...Object.fromEntries(read), minVersion };
    if (ciphers !== undefined) options.ciphers = ciphers;
    this.#checkAuthority(options.ca);
    try {
      return { options, context: createSecureContext(options) };
    } catch (cause) {
      throw unusable("cert", this.#options.cert, (cause as Error).message, cause);
    }
  }

  /** Node takes what is no certificate, and then believes nobody. */
  #checkAuthority(ca: SecureContextOptions["ca"]): void {
    if (typeof ca !== "string") return;
    try {
      new X509Certificate(ca);
    } catch (cause) {
      throw unusable("ca", this.#options.ca, "it holds no certificate", cause);
    }
  }
}

/** Node takes one without the other, and then shows no certificate at all. */
function checkPair({ cert, key }: TlsOptions): void {
  if ((cert === undefined) === (key === undefined)) return;
  const missing = cert === undefined ? "cert" : "key";
  const message = `tls.${missing} must be given: cert and key belong together`;
  throw new QuorateError("ERR_INVALID_ARGUMENT", message, { argument: `tls.${missing}` });
}

function isPem(given: string): boolean {
  return given.includes("-----BEGIN ");
}

function readPem(part: string, path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    throw unusable(part, path, systemReason(cause), cause);
  }
}

/** Renewed files are replaced, or written over: one of these changes. */
function fileStamp(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch (error) {
    // Reading it reports the error; a file that appears later is read again.
    return systemReason(error);
  }
}

function unusable(part: string, given: string | undefined, reason: string, cause: unknown): QuorateError {
  // What was given as text may be a key.
  const received = given === undefined || isPem(given) ? undefined : given;
  const of = received === undefined ? "" : ` of ${received}`;
  return new QuorateError(
    "ERR_INVALID_ARGUMENT",
    `the TLS ${part}${of} cannot be used: ${reason}`,
    { argument: `tls.${part}`, ...(received === undefined ? {} : { received }) },
    { cause },
  );
}
