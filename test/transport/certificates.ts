import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasOpenssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface CertificateWishes {
  readonly commonName?: string;
  /** As openssl writes them: `DNS:n1`, `IP:127.0.0.1`. */
  readonly alternatives?: readonly string[];
  /** Days from now at which it ends; negative for one that has ended. */
  readonly days?: number;
}

/** An authority that signs certificates for the tests of one file, in a directory of its own. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), "quorate-tls-"));
  readonly ca = join(this.directory, "ca.pem");
  #count = 0;

  constructor() {
    const { ca, directory } = this;
    const key = join(directory, "ca.key");
    openssl(
      "req",
      "-x509",
      ...EC_KEY,
      "-nodes",
      "-keyout",
      key,
      "-out",
      ca,
      "-days",
      "2",
      "-subj",
      "/CN=test authority",
    );
  }

  /** A certificate for a member or a client, good for either end of a connection. */
  sign({ commonName = "", alternatives = [], days = 2 }: CertificateWishes): CertificateFiles {
    const base = join(this.directory, `${++this.#count}`);
    const [request, cert, key, extensions] = [`${base}.csr`, `${base}.pem`, `${base}.key`, `${base}.ext`];
    const subject = commonName === "" ? "/O=test" : `/O=test/CN=${commonName}`;
    openssl("req", "-new", ...EC_KEY, "-nodes", "-keyout", key, "-out", request, "-subj", subject);
    const named = alternatives.length === 0 ? [] : [`subjectAltName=${alternatives.join(",")}`];
    writeFileSync(extensions, ["extendedKeyUsage=serverAuth,clientAuth", ...named].join("\n"));
    const authority = ["-CA", this.ca, "-CAkey", join(this.directory, "ca.key"), "-CAcreateserial"];
    openssl(
      "x509",
      "-req",
      "-in",
      request,
      ...authority,
      "-out",
      cert,
      "-days",
      `${days}`,
      "-extfile",
      extensions,
    );
    return { cert, key, ca: this.ca };
  }

  /** The usual one for a member: it names the member, and its loopback address. */
  member(name: string): CertificateFiles {
    return this.sign({ commonName: name, alternatives: [`DNS:${name}`, "DNS:localhost", "IP:127.0.0.1"] });
  }

  /** The list of revoked certificates, with these on it. */
  revoke(...revoked: readonly CertificateFiles[]): string {
    const [config, index, crl] = ["ca.conf", "index.txt", "crl.pem"].map((name) =>
      join(this.directory, name),
    );
    writeFileSync(index!, "");
    writeFileSync(
      config!,
      `[ca]\ndefault_ca=it\n[it]\ndatabase=${index}\ndefault_md=sha256\ndefault_crl_days=2\n`,
    );
    const signer = ["-config", config!, "-cert", this.ca, "-keyfile", join(this.directory, "ca.key")];
    for (const { cert } of revoked) openssl("ca", ...signer, "-revoke", cert);
    openssl("ca", ...signer, "-gencrl", "-out", crl!);
    return crl!;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Puts other certificates where the files of these ones are, as a renewal does. */
export function renew(files: CertificateFiles, by: CertificateFiles): void {
  for (const part of ["key", "cert"] as const) writeFileSync(files[part], readFileSync(by[part]));
}

const EC_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "pipe" });
}
