/**
 * Completes package-lock.json: `npx tsx scripts/lockfile.ts`.
 *
 * npm leaves an optional package out of the lockfile when the registry at hand does not have it, as mirrors often do
 * for other platforms; `npm ci` then refuses the whole lockfile. This adds what is missing, with the platform read off
 * the name and without a hash, which could not be known.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface MissingPackage {
  readonly name: string;
  readonly version: string;
  readonly isDev: boolean;
}

const SYSTEMS = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const PROCESSORS = [
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
];

/** Optional packages that others ask for and that have no place of their own. */
export function missingFrom({ packages }: Lockfile): MissingPackage[] {
  const missing = new Map<string, MissingPackage>();
  for (const [place, { optionalDependencies, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      const isThere = `node_modules/${name}` in packages || `${place}/node_modules/${name}` in packages;
      if (!isThere) missing.set(name, { name, version, isDev: dev === true });
    }
  }
  return [...missing.values()];
}

function lockedEntry({ name, version, isDev }: MissingPackage): LockedPackage {
  const words = name.split(/[/-]/);
  const isMusl = words.some((word) => word.startsWith("musl"));
  return {
    version,
    cpu: words.filter((word) => PROCESSORS.includes(word)),
    ...(isDev ? { dev: true } : {}),
    ...(isMusl ? { libc: ["musl"] } : {}),
    optional: true,
    os: words.filter((word) => SYSTEMS.includes(word)),
  };
}

function complete(path: string): void {
  const lockfile: Lockfile = JSON.parse(readFileSync(path, "utf8"));
  const missing = missingFrom(lockfile);
  for (const each of missing) lockfile.packages[`node_modules/${each.name}`] = lockedEntry(each);
  lockfile.packages = Object.fromEntries(
    Object.entries(lockfile.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`);
  console.log(`${missing.length} packages added`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  complete(fileURLToPath(new URL("../package-lock.json", import.meta.url)));
}
