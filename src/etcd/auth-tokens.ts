import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Caller } from "../kv/auth/auth.ts";
import type { GrantedToken } from "../kv/auth/granted-token.ts";

/** A token that is not used for so long is forgotten: etcd's time. */
export const TOKEN_IDLE_MS = 300_000;
/** News of a token that is older than this is history, played back at a start. */
const TOKEN_NEWS_MS = 2 * TOKEN_IDLE_MS;
/** The least recently used ones give way. */
const TOKENS_MAX = 100_000;
const SECRET_BYTES = 24;

interface Known {
  readonly caller: Caller;
  deadline: number;
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

/** The index of the entry that tells of the token, or null when it is none of ours. */
export function tokenIndex(token: string): number | null {
  const index = Number(token.slice(token.lastIndexOf(".") + 1));
  return token.includes(".") && Number.isSafeInteger(index) ? index : null;
}

/**
 * The tokens that this member knows. Every member hears of each through the log, so a token is good on all of them, and
 * each counts by itself how long it has not been used there.
 */
export class AuthTokens {
  readonly #clock: Clock;
  /** By digest, the least recently used first. */
  readonly #tokens = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#tokens.size;
  }

  add({ user, digest, authRevision, time }: GrantedToken): void {
    if (this.#clock.wall() - time > TOKEN_NEWS_MS) return;
    this.#use(digest, { user, authRevision });
    this.#dropOld();
  }

  /** Whom the token names; it is good for another while then. */
  find(token: string): Caller | null {
    const digest = digestOf(token.slice(0, Math.max(0, token.lastIndexOf("."))));
    const known = this.#tokens.get(digest);
    if (known === undefined || known.deadline <= this.#clock.monotonic()) return null;
    this.#use(digest, known.caller);
    return known.caller;
  }

  #use(digest: string, caller: Caller): void {
    this.#tokens.delete(digest);
    this.#tokens.set(digest, { caller, deadline: this.#clock.monotonic() + TOKEN_IDLE_MS });
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
