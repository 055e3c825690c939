import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { type AuthInfo, NOBODY } from "../../kv/auth/auth.ts";
import type { KvMachine } from "../../kv/machine/kv-machine.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import { POLICIES, type Policy } from "./auth-policy.ts";
import { AuthTokens, tokenParts } from "./auth-tokens.ts";
import type { RpcCall } from "./rpc-server.ts";
import { throwRefused } from "./throw-refused.ts";

const POLICY_OF_PATH: ReadonlyMap<string, Policy> = new Map(
  Object.entries(METHODS).map(([name, { path }]) => [path, POLICIES[name as keyof typeof METHODS]]),
);

/** What the gate needs of the member that it stands before. */
export interface GatedMember {
  readonly machine: KvMachine;
  readonly clock: Clock;
  /** Whether certificates that clients show were checked. */
  readonly trustsCertificates: boolean;
  /** The index up to which this member has applied the log. */
  applied(): number;
  /** The index of the last entry that it holds. */
  lastIndex(): number;
  linearize(): Promise<void>;
}

/**
 * Finds out who calls, and whether they may call at all. What a call does to keys is judged later, where it does it; who
 * gets through here is not trusted with anything yet.
 */
export class AuthGate {
  readonly #member: GatedMember;
  readonly #tokens: AuthTokens;
  readonly #stop: () => void;

  constructor(member: GatedMember) {
    this.#member = member;
    const { machine } = member;
    this.#tokens = new AuthTokens(member.clock, {
      historyIndex: member.lastIndex(),
      time: () => machine.time,
    });
    this.#stop = machine.onToken((token) => this.#tokens.add(token));
  }

  /** What is asked of those who call the method. */
  policy(path: string): Policy {
    const policy = POLICY_OF_PATH.get(path);
    assert(policy !== undefined, "every method that is served has a policy");
    return policy;
  }

  /** Who calls, if the policy lets them. A promise only where the token is newer than what this member has applied. */
  admit(policy: Policy, call: RpcCall): AuthInfo | Promise<AuthInfo> {
    if (policy === "open") return NOBODY;
    const caller = this.#identify(call);
    if (caller !== null) return this.#admitted(policy, caller);
    const applied = this.#awaitToken(call);
    if (policy === "each")
      return applied.then(
        () => NOBODY,
        () => NOBODY,
      );
    return applied.then(() => this.#admitted(policy, this.identify(call)));
  }

  /** Who calls, as far as this member knows. Throws for a token that it does not know. */
  identify(call: RpcCall): AuthInfo {
    const caller = this.#identify(call);
    if (caller === null) throw refusal("invalidAuthToken");
    return caller;
  }

  close(): void {
    this.#stop();
  }

  #admitted(policy: Policy, caller: AuthInfo): AuthInfo {
    const { authority } = this.#member.machine;
    if (policy === "each") return caller;
    throwRefused(policy === "root" ? authority.refuseButRoot(caller) : authority.refuseStranger(caller));
    return caller;
  }

  /** Null for a token that is not known here. */
  #identify(call: RpcCall): AuthInfo | null {
    const { auth } = this.#member.machine;
    if (!auth.isEnabled) return NOBODY;
    const token = tokenOf(call);
    if (token === null) {
      const user = this.#member.trustsCertificates ? call.commonName : null;
      return user === null ? NOBODY : { user, authRevision: auth.revision };
    }
    const caller = this.#tokens.find(token);
    return caller !== null && auth.accepts(caller) ? caller : null;
  }

  /** Another member may have given the token a moment ago: then the entry that tells of it is on its way. */
  async #awaitToken(call: RpcCall): Promise<void> {
    const index = tokenParts(tokenOf(call) ?? "")?.index ?? 0;
    if (index <= this.#member.applied()) throw refusal("invalidAuthToken");
    await this.#member.linearize();
  }
}

function tokenOf(call: RpcCall): string | null {
  const token = call.metadata("token");
  if (token !== undefined) return token;
  const authorization = call.metadata("authorization");
  return authorization === undefined ? null : authorization.replace(/^Bearer /, "");
}
