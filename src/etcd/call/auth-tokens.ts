import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { AuthInfo } from "../../kv/auth/auth.ts";
import type { GrantedToken } from "../../kv/machine/granted-token.ts";

/** A token that is not used for so long is forgotten: etcd's time. */
export const TOKEN_IDLE_MS = 300_000;
/** A token that was granted longer ago than this, by the log's own time, and never used here, is not good here any more. */
const TOKEN_NEWS_MS = 2 * TOKEN_IDLE_MS;
/** The least recently used ones give way. */
const TOKENS_MAX = 100_000;
const SECRET_BYTES = 24;

/** The secret in base64url, and the index. */
const PATTERN = /^([A-Za-z0-9_-]{32})\.([1-9]\d{0,15})$/;

interface Known {
  readonly caller: AuthInfo;
  readonly index: number;
  /** When it was granted, by the log's time, and whether it was used here since. */
  readonly grantedAt: number;
  readonly isUsed: boolean;
  readonly deadline: number;
}

interface TokenParts {
  readonly secret: string;
  readonly index: number;
}

/** What the log says of when things happened: the same on every member, whatever its clock shows. */
export interface LogTime {
  /** The last entry that this member held when it began to listen: tokens up to it are history, played back. */
  readonly historyIndex: number;
  /** The time of the newest entry that was applied, in milliseconds since 1970. */
  time(): number;
}

/** A token before anybody knows it. The secret is the client's; the log holds only what tells it. */
export interface MintedToken {
  readonly secret: string;
  readonly digest: string;
}

export function mintToken(): MintedToken {
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return { secret, digest: digestOf(secret) };
}

/** As clients carry it: the secret, and the index of the entry that tells of it. */
export function tokenText(secret: string, index: number): string {
  return `${secret}.${index}`;
}

/** Null for a text that is none of our tokens. */
export function tokenParts(token: string): TokenParts | null {
  const [, secret, digits] = PATTERN.exec(token) ?? [];
  const index = Number(digits);
  return secret === undefined || !Number.isSafeInteger(index) ? null : { secret, index };
}

/**
 * The tokens that this member knows. Every member hears of each through the log, so a token is good on all of them, and
 * each counts by itself, on its monotonic clock, how long it has not been used there. Wall clocks are not looked at.
 */
export class AuthTokens {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #log: LogTime;
  /** By digest, the least recently used first. */
  readonly #tokens = new Map<string, Known>();

  constructor(clock: Pick<Clock, "monotonic">, log: LogTime) {
    this.#clock = clock;
    this.#log = log;
  }

  get size(): number {
    return this.#tokens.size;
  }

  add({ user, digest, authRevision, index, time }: GrantedToken): void {
    if (index <= this.#log.historyIndex) return;
    this.#keep(digest, { caller: { user, authRevision }, index, grantedAt: time, isUsed: false });
    this.#dropOld();
  }

  /** Whom the token names; it is good for another while then. */
  find(token: string): AuthInfo | null {
    const parts = tokenParts(token);
    if (parts === null) return null;
    const digest = digestOf(parts.secret);
    const known = this.#tokens.get(digest);
    if (known === undefined || known.index !== parts.index || !this.#isGood(known)) return null;
    this.#keep(digest, { ...known, isUsed: true });
    return known.caller;
  }

  #isGood({ deadline, isUsed, grantedAt }: Known): boolean {
    return deadline > this.#clock.monotonic() && (isUsed || this.#log.time() - grantedAt <= TOKEN_NEWS_MS);
  }

  #keep(digest: string, known: Omit<Known, "deadline">): void {
    this.#tokens.delete(digest);
    this.#tokens.set(digest, { ...known, deadline: this.#clock.monotonic() + TOKEN_IDLE_MS });
  }

  #dropOld(): void {
    const now = this.#clock.monotonic();
    for (const [digest, { deadline }] of this.#tokens) {
      if (deadline > now && this.#tokens.size <= TOKENS_MAX) return;
      this.#tokens.delete(digest);
    }
  }
}

/** Looking a digest up takes no time that tells how much of a secret was guessed. */
function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64");
}
