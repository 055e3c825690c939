import { expect } from "vitest";
import type { AuthInfo } from "../../src/kv/auth/auth.ts";
import type { AuthChange } from "../../src/kv/auth/auth-change.ts";
import type { Permission } from "../../src/kv/auth/auth-state.ts";
import type { AsCommand } from "../../src/kv/machine/command.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { KvResult } from "../../src/kv/machine/result.ts";
import type { KeyRange } from "../../src/kv/mvcc/key-range.ts";
import { Applying } from "./support.ts";

/** A store with users, in which every step but the last is expected to succeed. */
export class AuthWorld {
  readonly machine = new KvMachine();
  readonly applying = new Applying(this.machine);

  change(change: AuthChange): string {
    const result = this.applying.one({ kind: "auth", change });
    return result.kind === "refused" ? result.message : "ok";
  }

  changes(...changes: AuthChange[]): this {
    for (const change of changes) expect(this.change(change)).toBe("ok");
    return this;
  }

  /** With the root user, and with users and roles counting. */
  enabled(): this {
    return this.changes(
      { kind: "user-add", user: "root", password: "#root" },
      { kind: "user-grant", user: "root", role: "root" },
      { kind: "enable" },
    );
  }

  /** A user with one role of its own name, with these permissions. */
  user(user: string, ...permissions: Permission[]): this {
    this.changes({ kind: "user-add", user, password: `#${user}` }, { kind: "role-add", role: user });
    this.changes({ kind: "user-grant", user, role: user });
    for (const permission of permissions) this.changes({ kind: "role-grant", role: user, permission });
    return this;
  }

  caller(user: string): AuthInfo {
    return { user, authRevision: this.machine.auth.revision };
  }

  as(user: string, command: AsCommand["command"], shown: readonly KeyRange[] = []): KvResult {
    return this.asCaller(this.caller(user), command, shown);
  }

  asCaller(caller: AuthInfo, command: AsCommand["command"], shown: readonly KeyRange[] = []): KvResult {
    return this.applying.one({ kind: "as", caller, shown, command });
  }

  /** The code of the refusal, or "ok". */
  try(user: string, command: AsCommand["command"], shown: readonly KeyRange[] = []): string {
    return codeOf(this.as(user, command, shown));
  }
}

export function codeOf(result: KvResult): string {
  return result.kind === "refused" ? result.code : "ok";
}
