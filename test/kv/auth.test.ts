import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, equalBytes } from "../../src/base/bytes.ts";
import { NOBODY } from "../../src/kv/auth/auth.ts";
import type { AuthChange } from "../../src/kv/auth/auth-change.ts";
import type { Access, Permission } from "../../src/kv/auth/auth-state.ts";
import type { AsCommand, Command } from "../../src/kv/machine/command.ts";
import { decodeCommand, encodeCommand } from "../../src/kv/machine/command-codec.ts";
import type { GrantedToken } from "../../src/kv/machine/granted-token.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { type KeyRange, keysWithPrefix, singleKey } from "../../src/kv/mvcc/key-range.ts";
import { command, keyRange, placed } from "./arbitraries.ts";
import { AuthWorld, codeOf } from "./auth-world.ts";
import { Applying } from "./support.ts";

const may = (access: Access, range: KeyRange): Permission => ({ access, range });
const put = (key: string, lease = ""): AsCommand["command"] & { kind: "put" } => {
  return { kind: "put", key, value: "v", lease };
};
const remove = (range: KeyRange) => ({ kind: "delete", range }) as const;
const read = (range: KeyRange) => {
  const rest = { revision: null, limit: 0, reverse: false, selection: null };
  return { kind: "range", range, ...rest } as const;
};
const txn = (parts: Partial<Extract<Command, { kind: "txn" }>>) => {
  return { kind: "txn", compares: [], success: [], failure: [], ...parts } as const;
};

describe("users and roles", () => {
  test("count only once there is a root user with the root role", () => {
    const world = new AuthWorld();
    expect(world.change({ kind: "enable" })).toBe("no root user");
    world.changes({ kind: "user-add", user: "root", password: "#" });
    expect(world.change({ kind: "enable" })).toBe("root user without root role");
    world.changes({ kind: "user-grant", user: "root", role: "root" }, { kind: "enable" }, { kind: "enable" });
    expect(world.machine.auth.isEnabled).toBe(true);
    expect(world.machine.auth.revision).toBe(4);
  });

  test("keep root in its place while they count", () => {
    const world = new AuthWorld().enabled();
    world.changes({ kind: "role-add", role: "root" });
    expect(world.change({ kind: "user-delete", user: "root" })).toBe("root is needed");
    expect(world.change({ kind: "role-delete", role: "root" })).toBe("root is needed");
    expect(world.change({ kind: "user-revoke", user: "root", role: "root" })).toBe("root is needed");
    world.changes({ kind: "disable" }, { kind: "disable" });
    world.changes({ kind: "user-revoke", user: "root", role: "root" }, { kind: "user-delete", user: "root" });
  });

  test("are refused twice, unnamed, or unknown", () => {
    const world = new AuthWorld().user("ann");
    expect(world.change({ kind: "user-add", user: "ann", password: null })).toBe("user exists");
    expect(world.change({ kind: "user-add", user: "", password: null })).toBe("no user name");
    expect(world.change({ kind: "user-add", user: "n".repeat(1025), password: null })).toBe("name too long");
    expect(world.change({ kind: "role-add", role: "ann" })).toBe("role exists");
    expect(world.change({ kind: "role-add", role: "" })).toBe("no role name");
    expect(world.change({ kind: "user-grant", user: "bob", role: "ann" })).toBe("no such user");
    expect(world.change({ kind: "user-grant", user: "ann", role: "bob" })).toBe("no such role");
    expect(world.change({ kind: "user-revoke", user: "ann", role: "bob" })).toBe("role not granted");
    expect(world.change({ kind: "user-password", user: "bob", password: "#" })).toBe("no such user");
    expect(world.change({ kind: "user-delete", user: "bob" })).toBe("no such user");
    expect(world.change({ kind: "role-delete", role: "bob" })).toBe("no such role");
    const permission = may("read", singleKey("a"));
    expect(world.change({ kind: "role-grant", role: "bob", permission })).toBe("no such role");
    expect(world.change({ kind: "role-revoke", role: "ann", range: singleKey("a") })).toBe(
      "permission not granted",
    );
    for (const range of [{ from: "b", to: "a" }, { from: "a", to: "a" }, singleKey("")]) {
      const empty = { kind: "role-grant", role: "ann", permission: may("read", range) } as const;
      expect(world.change(empty)).toBe("range is empty");
    }
  });

  test("leave their revision alone where nothing changes", () => {
    const world = new AuthWorld().user("ann");
    world.changes({ kind: "user-add", user: "cert", password: null });
    const { revision } = world.machine.auth;
    world.changes({ kind: "user-grant", user: "ann", role: "ann" }, { kind: "disable" });
    world.changes({ kind: "user-password", user: "cert", password: "#" });
    expect(world.machine.auth.revision).toBe(revision);
    expect(world.machine.auth.user("cert")?.password).toBe(null);
  });

  test("lose what hung on a role that is deleted, and replace a permission on the same range", () => {
    const world = new AuthWorld().user("ann", may("read", singleKey("a")), may("write", singleKey("a")));
    expect(world.machine.auth.role("ann")?.permissions).toEqual([may("write", singleKey("a"))]);
    world.changes({ kind: "role-delete", role: "ann" });
    expect(world.machine.auth.user("ann")?.roles).toEqual([]);
  });
});

describe("a caller", () => {
  test("may do everything while users and roles do not count, and nothing without a name afterwards", () => {
    const world = new AuthWorld();
    expect(codeOf(world.asCaller(NOBODY, put("a")))).toBe("ok");
    world.enabled();
    expect(codeOf(world.asCaller(NOBODY, put("a")))).toBe("ERR_AUTH_REQUIRED");
    expect(world.try("root", { kind: "compact", revision: 1 })).toBe("ok");
    expect(world.try("ghost", put("a"))).toBe("ERR_AUTH_DENIED");
  });

  test("that proved itself before its password changed, or another took its name, is stale", () => {
    const world = new AuthWorld().enabled().user("ann", may("readwrite", keysWithPrefix("a")));
    const before = world.caller("ann");
    world.changes({ kind: "role-grant", role: "ann", permission: may("read", singleKey("b")) });
    expect(codeOf(world.asCaller(before, put("a")))).toBe("ok");
    world.changes({ kind: "user-password", user: "ann", password: "#2" });
    expect(world.asCaller(before, put("a"))).toMatchObject({ code: "ERR_AUTH_STALE" });

    const again = world.caller("ann");
    world.changes({ kind: "user-delete", user: "ann" }, { kind: "user-add", user: "ann", password: "#" });
    world.changes({ kind: "user-grant", user: "ann", role: "ann" });
    expect(codeOf(world.asCaller(again, put("a")))).toBe("ERR_AUTH_STALE");

    const root = world.caller("root");
    world.changes({ kind: "disable" }, { kind: "enable" });
    expect(codeOf(world.asCaller(root, put("a")))).toBe("ERR_AUTH_STALE");
  });

  test("loses a permission at the place in the log where it is taken back", () => {
    const world = new AuthWorld().enabled().user("ann", may("write", singleKey("a")));
    const caller = world.caller("ann");
    const mine = { kind: "as", caller, shown: [], command: put("a") } as const;
    const change = { kind: "role-revoke", role: "ann", range: singleKey("a") } as const;
    const results = world.applying.batch([mine, { kind: "auth", change }, mine]);
    expect(results.map(codeOf)).toEqual(["ok", "ok", "ERR_AUTH_DENIED"]);
  });

  test("needs to write where it writes and to read where it compares, reads, or is shown what was there (trap 21)", () => {
    const world = new AuthWorld().enabled();
    world.user(
      "ann",
      may("write", singleKey("w")),
      may("read", singleKey("r")),
      may("readwrite", singleKey("b")),
    );
    const compare = { range: singleKey("w"), target: "version", relation: "equal", operand: 0 } as const;
    const cases: [AsCommand["command"], KeyRange[], string][] = [
      [put("w"), [], "ok"],
      [put("r"), [], "ERR_AUTH_DENIED"],
      [put("w"), [singleKey("w")], "ERR_AUTH_DENIED"],
      [put("b"), [singleKey("b")], "ok"],
      [remove(singleKey("w")), [], "ok"],
      [remove(singleKey("w")), [singleKey("w")], "ERR_AUTH_DENIED"],
      [remove({ from: "w", to: null }), [], "ERR_AUTH_DENIED"],
      [txn({ compares: [compare] }), [], "ERR_AUTH_DENIED"],
      [txn({ success: [read(singleKey("w"))] }), [], "ERR_AUTH_DENIED"],
      [txn({ success: [read(singleKey("r"))] }), [], "ok"],
      [txn({ failure: [txn({ failure: [put("r")] })] }), [], "ERR_AUTH_DENIED"],
      [txn({ failure: [txn({ success: [put("w")], failure: [read(singleKey("b"))] })] }), [], "ok"],
      [
        txn({ success: [{ kind: "count", range: { from: "a", to: null }, revision: null }] }),
        [],
        "ERR_AUTH_DENIED",
      ],
      [{ kind: "compact", revision: 1 }, [], "ERR_AUTH_DENIED"],
      [{ kind: "alarm", alarm: "no-space", member: 1, isRaised: true }, [], "ERR_AUTH_DENIED"],
      [{ kind: "auth", change: { kind: "disable" } }, [], "ERR_AUTH_DENIED"],
      [{ kind: "session-open" }, [], "ERR_AUTH_DENIED"],
      [{ kind: "lease-checkpoint", checkpoints: [] }, [], "ERR_AUTH_DENIED"],
      [{ kind: "lease-grant", lease: "L", ttlMs: 1000 }, [], "ok"],
      [{ kind: "lease-keep-alive", leases: ["L"] }, [], "ok"],
    ];
    for (const [command, shown, expected] of cases) {
      expect([command.kind, world.try("ann", command, shown)]).toEqual([command.kind, expected]);
    }
  });

  test("may not hang a key on a lease, nor end one, that holds keys it may not write (trap 21)", () => {
    const world = new AuthWorld().enabled().user("ann", may("readwrite", singleKey("a")));
    world.as("root", { kind: "lease-grant", lease: "L", ttlMs: 1000 });
    expect(world.try("ann", put("a", "L"))).toBe("ok");
    world.as("root", put("secret", "L"));
    expect(world.try("ann", put("a", "L"))).toBe("ERR_AUTH_DENIED");
    expect(world.try("ann", txn({ success: [txn({ failure: [put("a", "L")] })] }))).toBe("ERR_AUTH_DENIED");
    expect(world.try("ann", { kind: "lease-revoke", lease: "L", renewedAt: null })).toBe("ERR_AUTH_DENIED");
    expect(world.machine.authority.refuseLeaseKeys(world.caller("ann"), "L")?.code).toBe("ERR_AUTH_DENIED");
    expect(world.machine.authority.refuseLeaseKeys(world.caller("root"), "L")).toBe(null);
  });

  test("is refused before anything is told of the store: missing keys and leases look like others", () => {
    const world = new AuthWorld().enabled().user("ann");
    const kept = { kind: "put", key: "missing", value: null, lease: null } as const;
    expect(world.try("ann", kept)).toBe("ERR_AUTH_DENIED");
    expect(world.try("ann", put("a", "no lease"))).toBe("ERR_AUTH_DENIED");
  });

  test("sees of users and roles only what is its own", () => {
    const world = new AuthWorld().enabled().user("ann").user("bob");
    const { authority } = world.machine;
    const ann = world.caller("ann");
    expect(authority.refuseUser(ann, "ann")).toBe(null);
    expect(authority.refuseUser(ann, "bob")?.code).toBe("ERR_AUTH_DENIED");
    expect(authority.refuseRole(ann, "ann")).toBe(null);
    expect(authority.refuseRole(ann, "bob")?.code).toBe("ERR_AUTH_DENIED");
    expect(authority.refuseStranger(NOBODY)?.code).toBe("ERR_AUTH_REQUIRED");
    expect(authority.refuseButRoot(ann)?.code).toBe("ERR_AUTH_DENIED");
  });
});

describe("a token", () => {
  const grant = (user: string, authRevision: number) => {
    return { kind: "auth-token", user, digest: "d", authRevision } as const;
  };

  test("is told to every member, with the index from which they know it", () => {
    const world = new AuthWorld().enabled();
    const told: GrantedToken[] = [];
    const stop = world.machine.onToken((token) => told.push(token));
    const { revision } = world.machine.auth;
    expect(world.applying.one(grant("root", revision))).toMatchObject({ index: world.applying.index });
    const { index } = world.applying;
    expect(told).toEqual([{ user: "root", digest: "d", authRevision: revision, time: 0, index }]);
    stop();
    world.applying.one(grant("root", revision));
    expect(told.length).toBe(1);
  });

  test("is not given for a password that changed meanwhile, nor where nobody needs one", () => {
    const world = new AuthWorld();
    expect(codeOf(world.applying.one(grant("root", 1)))).toBe("ERR_AUTH_DISABLED");
    world.enabled();
    const { revision } = world.machine.auth;
    world.changes({ kind: "user-password", user: "root", password: "#2" });
    const told: GrantedToken[] = [];
    world.machine.onToken((token) => told.push(token));
    expect(codeOf(world.applying.one(grant("root", revision)))).toBe("ERR_AUTH_FAILED");
    expect(codeOf(world.applying.one(grant("ghost", revision)))).toBe("ERR_AUTH_FAILED");
    expect(told).toEqual([]);
  });

  test("cannot be had in another command, nor can a command of a caller carry another", () => {
    const world = new AuthWorld().enabled();
    world.applying.one({ kind: "session-open" });
    const session = String(world.applying.index);
    for (const inner of [
      grant("root", world.machine.auth.revision),
      { kind: "as", caller: world.caller("root"), shown: [], command: put("a") } as const,
    ]) {
      const write = encodeCommand(inner);
      const wrapped = { kind: "session-write", session, number: 1, write } as const;
      expect(codeOf(world.applying.one(wrapped))).toBe("ERR_INVALID_ARGUMENT");
      const nested = { kind: "as", caller: NOBODY, shown: [], command: wrapped } as unknown as Command;
      expect(decodeCommand(encodeCommand(nested))).toBe(null);
    }
    const twice = { kind: "as", caller: NOBODY, shown: [], command: put("a") } as unknown as Command;
    expect(decodeCommand(encodeCommand({ ...twice, command: twice } as unknown as Command))).toBe(null);
  });
});

const text = fc.string({ unit: fc.constantFrom("a", "b", "\0", "\xff"), maxLength: 3 });
const range: fc.Arbitrary<KeyRange> = fc.oneof(
  text.filter((key) => key !== "").map(singleKey),
  fc.record({ from: text.filter((key) => key !== ""), to: fc.option(text) }),
);
const access = fc.constantFrom<Access>("read", "write", "readwrite");
const permission = fc.record({ access, range });
const name = fc.constantFrom("ann", "bob", "root", "", "__proto__", "äö");
const authChange: fc.Arbitrary<AuthChange> = fc.oneof(
  fc.constantFrom<AuthChange>({ kind: "enable" }, { kind: "disable" }),
  fc.record({ kind: fc.constant("user-add" as const), user: name, password: fc.option(fc.string()) }),
  fc.record({ kind: fc.constant("user-password" as const), user: name, password: fc.string() }),
  fc.record({ kind: fc.constant("user-delete" as const), user: name }),
  fc.record({ kind: fc.constantFrom("user-grant" as const, "user-revoke" as const), user: name, role: name }),
  fc.record({ kind: fc.constantFrom("role-add" as const, "role-delete" as const), role: name }),
  fc.record({ kind: fc.constant("role-grant" as const), role: name, permission }),
  fc.record({ kind: fc.constant("role-revoke" as const), role: name, range }),
);

test("commands about users, and commands of users, are the same after they were encoded", () => {
  const named = fc.record({ user: fc.string({ minLength: 1 }), authRevision: fc.nat() });
  const caller = fc.oneof(named, fc.constant(NOBODY));
  const inner = fc.oneof(
    authChange.map((change) => ({ kind: "auth", change }) as const),
    text.map((key) => put(key)),
  );
  const shown = fc.array(range, { maxLength: 3 });
  fc.assert(
    fc.property(caller, shown, inner, (caller, shown, command) => {
      const as: Command = { kind: "as", caller, shown, command };
      expect(decodeCommand(encodeCommand(as))).toEqual(as);
    }),
  );
});

test("what is left of an encoded change after damage is a change or nothing, never an exception", () => {
  fc.assert(
    fc.property(authChange, fc.nat(200), fc.nat(255), (change, at, byte) => {
      const bytes = encodeCommand({ kind: "auth", change });
      bytes[at % bytes.length] = byte;
      const decoded = decodeCommand(bytes);
      if (decoded !== null) codeOf(new Applying(new KvMachine()).one(decoded));
    }),
    { numRuns: 1000 },
  );
});

test("users and roles are the same after a snapshot, which is the same on every member", () => {
  const bytesOf = (machine: KvMachine) => concatBytes([...machine.snapshot()]);
  fc.assert(
    fc.property(fc.array(authChange, { maxLength: 60 }), authChange, (changes, next) => {
      const world = new AuthWorld().enabled().user("ann");
      for (const change of changes) world.change(change);
      const restored = new KvMachine();
      restored.restore(world.machine.snapshot());
      expect(equalBytes(bytesOf(restored), bytesOf(world.machine))).toBe(true);
      const applying = new Applying(restored, world.applying.index);
      expect(applying.one({ kind: "auth", change: next })).toEqual(
        world.applying.one({ kind: "auth", change: next }),
      );
      expect(equalBytes(bytesOf(restored), bytesOf(world.machine))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

/** What is left of a range after another is taken out of it. */
function minus(range: KeyRange, hole: KeyRange): KeyRange[] {
  const isBelow = (left: string | null, right: string | null) =>
    left !== null && (right === null || left < right);
  const parts = [
    { from: range.from, to: isBelow(hole.from, range.to) ? hole.from : range.to },
    ...(hole.to === null ? [] : [{ from: [hole.to, range.from].sort()[1]!, to: range.to }]),
  ];
  return parts.filter(({ from, to }) => to === null || from < to);
}

/** The plainest way to say it: nothing of the range is left once all that is permitted is taken out. */
function covered(permissions: readonly Permission[], access: Access, wanted: KeyRange): boolean {
  let left = [wanted];
  for (const permission of permissions) {
    if (permission.access !== access && permission.access !== "readwrite") continue;
    left = left.flatMap((part) => minus(part, permission.range));
  }
  return left.length === 0;
}

const isReal = ({ from, to }: KeyRange) => to === null || from < to;

test("a range is permitted if and only if the permissions of all roles together leave no part of it out", () => {
  const roles = fc.array(fc.array(fc.record({ access, range: range.filter(isReal) }), { maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(roles, fc.array(range.filter(isReal), { minLength: 1, maxLength: 8 }), (roles, wanted) => {
      const world = new AuthWorld().enabled();
      world.changes({ kind: "user-add", user: "ann", password: "#" });
      for (const [at, permissions] of roles.entries()) {
        const role = `role${at}`;
        world.changes({ kind: "role-add", role }, { kind: "user-grant", user: "ann", role });
        for (const permission of permissions) world.changes({ kind: "role-grant", role, permission });
      }
      const { auth } = world.machine;
      const permissions = auth.roleNames().flatMap((role) => auth.role(role)!.permissions);
      const rights = auth.rightsOf("ann")!;
      for (const each of wanted) {
        expect(rights.mayRead(each)).toBe(covered(permissions, "read", each));
        expect(rights.mayWrite(each)).toBe(covered(permissions, "write", each));
      }
    }),
    { numRuns: 2000 },
  );
});

/** All that a command touches, found by looking at every object in it, however deep. */
function needs(command: unknown, machine: KvMachine, found: { read: KeyRange[]; write: KeyRange[] }): void {
  if (typeof command !== "object" || command === null) return;
  const { kind, key, range, lease } = command as {
    kind: string;
    key: string;
    range: KeyRange;
    lease: string;
  };
  if (kind === "put") found.write.push(singleKey(key));
  if (kind === "delete") found.write.push(range);
  if (kind === "range" || kind === "count" || "relation" in command) found.read.push(range);
  if ((kind === "put" || kind === "lease-revoke") && lease) {
    for (const held of machine.leases.get(lease)?.keys ?? []) found.write.push(singleKey(held));
  }
  for (const part of Object.values(command)) needs(part, machine, found);
}

test("a user gets what root gets where all that a request touches is permitted, and otherwise changes nothing", () => {
  const wide = fc.constantFrom<KeyRange>(
    { from: "\0", to: null },
    { from: "\0", to: "b" },
    keysWithPrefix("a"),
  );
  const permissions = fc.array(fc.record({ access, range: fc.oneof(wide, keyRange.filter(isReal)) }), {
    minLength: 1,
    maxLength: 5,
  });
  const shown = fc.oneof(fc.constant([]), fc.constant([]), fc.array(keyRange, { maxLength: 1 }));
  const kinds = ["put", "delete", "txn", "lease-grant", "lease-revoke", "lease-keep-alive"];
  const request = command.filter(({ kind }) => kinds.includes(kind)) as fc.Arbitrary<AsCommand["command"]>;
  let permitted = 0;
  let denied = 0;
  fc.assert(
    fc.property(
      permissions,
      fc.array(fc.tuple(request, shown), { minLength: 5, maxLength: 30 }),
      (permissions, requests) => {
        const real = permissions.filter(({ range }) => range.from !== "");
        const [asUser, asRoot] = [0, 1].map(() => new AuthWorld().enabled().user("ann", ...real));
        for (const [request, shown] of requests) {
          const asked = placed(request, asUser!.machine.store.revision);
          const found = { read: [...shown], write: [] };
          needs(asked, asUser!.machine, found);
          // What etcd says of ranges without keys is a test of its own.
          if (![...found.read, ...found.write].map(judged).every(isReal)) continue;
          const own = asUser!.machine.auth.role("ann")!.permissions;
          const isPermitted =
            found.read.every((range) => covered(own, "read", judged(range))) &&
            found.write.every((range) => covered(own, "write", judged(range)));
          if (isPermitted) {
            permitted += 1;
            expect(asUser!.as("ann", asked, shown)).toEqual(asRoot!.as("root", asked, shown));
          } else {
            denied += 1;
            expect(asUser!.try("ann", asked, shown)).toBe("ERR_AUTH_DENIED");
            // Both logs go on at the same index.
            asRoot!.applying.one({ kind: "auth", change: { kind: "enable" } });
          }
        }
        const [left, right] = [asUser!, asRoot!].map(({ machine }) => concatBytes([...machine.snapshot()]));
        expect(equalBytes(left!, right!)).toBe(true);
      },
    ),
    { numRuns: 400 },
  );
  expect(permitted).toBeGreaterThan(500);
  expect(denied).toBeGreaterThan(500);
});

/** No key is below a zero byte; a range without keys is judged by the key that it begins at. */
function judged({ from, to }: KeyRange): KeyRange {
  const lowest = from === "" ? "\0" : from;
  return isReal({ from: lowest, to }) ? { from: lowest, to } : singleKey(lowest);
}
