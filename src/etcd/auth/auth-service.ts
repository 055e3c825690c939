import type { AuthChange } from "../../kv/auth/auth-change.ts";
import { type Access, ROOT } from "../../kv/auth/auth-state.ts";
import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import { isSingleKey } from "../../kv/mvcc/key-range.ts";
import type { Permission } from "../../wire/auth-messages.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import { mintToken, tokenText } from "../call/auth-tokens.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";
import { throwRefused } from "../call/throw-refused.ts";
import { keyRange } from "../kv/key-ranges.ts";
import type { Services } from "../services.ts";
import { Passwords } from "./passwords.ts";

/** Users, roles and tokens. */
export function serveAuth(services: Services, front: Front): void {
  const passwords = new Passwords();
  serveTokens(services, front, passwords);
  serveUsers(services, front, passwords);
  serveRoles(services, front);
}

function serveTokens(services: Services, front: Front, passwords: Passwords): void {
  services.answer(METHODS.authenticate, async ({ name, password }) => {
    const token = await authenticate(front, passwords, name, password);
    return { header: front.header(), token };
  });

  services.answer(METHODS.authEnable, (_request, client) => change(client, { kind: "enable" }));

  services.answer(METHODS.authDisable, (_request, client) => change(client, { kind: "disable" }));

  services.answer(METHODS.authStatus, async () => {
    await front.linearize();
    const { isEnabled, revision } = front.machine.auth;
    return { header: front.header(), enabled: isEnabled, authRevision: BigInt(revision) };
  });
}

/**
 * A token for whoever knows the password. The password is checked outside of the log, against what it was at some
 * revision; if the user has changed since, the log refuses the token.
 */
async function authenticate(
  front: Front,
  passwords: Passwords,
  name: string,
  password: string,
): Promise<string> {
  await front.linearize();
  const { auth } = front.machine;
  if (!auth.isEnabled) throw refusal("authNotEnabled");
  const { revision: authRevision } = auth;
  const record = auth.user(name)?.password ?? null;
  if (!(await passwords.verify(password, record))) throw refusal("authFailed");

  const { secret, digest } = mintToken();
  const { index } = await front.agree({ kind: "auth-token", user: name, digest, authRevision }, "auth-token");
  return tokenText(secret, index);
}

function serveUsers(services: Services, front: Front, passwords: Passwords): void {
  services.answer(METHODS.userAdd, async ({ name, password, options }, client) => {
    const record = options?.noPassword === true ? null : await passwords.hash(password);
    return change(client, { kind: "user-add", user: name, password: record });
  });

  services.answer(METHODS.userChangePassword, async ({ name, password }, client) => {
    return change(client, { kind: "user-password", user: name, password: await passwords.hash(password) });
  });

  services.answer(METHODS.userDelete, ({ name }, client) =>
    change(client, { kind: "user-delete", user: name }),
  );

  services.answer(METHODS.userGrantRole, ({ user, role }, client) => {
    return change(client, { kind: "user-grant", user, role });
  });

  services.answer(METHODS.userRevokeRole, ({ name, role }, client) => {
    return change(client, { kind: "user-revoke", user: name, role });
  });

  services.answer(METHODS.userGet, async ({ name }, client) => {
    await front.linearize();
    const { auth, authority } = front.machine;
    throwRefused(authority.refuseUser(client.caller, name));
    const user = auth.user(name);
    if (user === undefined) throw refusal("userNotFound");
    return { header: front.header(), roles: user.roles };
  });

  services.answer(METHODS.userList, async (_request, client) => {
    await front.linearize();
    const { auth, authority } = front.machine;
    throwRefused(authority.refuseButRoot(client.caller));
    return { header: front.header(), users: auth.userNames() };
  });
}

function serveRoles(services: Services, front: Front): void {
  services.answer(METHODS.roleAdd, ({ name }, client) => change(client, { kind: "role-add", role: name }));

  services.answer(METHODS.roleDelete, ({ role }, client) => change(client, { kind: "role-delete", role }));

  services.answer(METHODS.roleGrantPermission, ({ name, perm }, client) => {
    if (perm === null) throw refusal("permissionNotGiven");
    const access = ACCESSES[perm.permType];
    if (access === undefined) throw refusal("invalidAuthManagement");
    const permission = { access, range: keyRange(perm.key, perm.rangeEnd) };
    return change(client, { kind: "role-grant", role: name, permission });
  });

  services.answer(METHODS.roleRevokePermission, ({ role, key, rangeEnd }, client) => {
    return change(client, { kind: "role-revoke", role, range: keyRange(key, rangeEnd) });
  });

  services.answer(METHODS.roleGet, async ({ role: name }, client) => {
    await front.linearize();
    const { auth, authority } = front.machine;
    throwRefused(authority.refuseRole(client.caller, name));
    const role = auth.role(name);
    if (role === undefined) throw refusal("roleNotFound");
    const perm =
      name === ROOT ? [EVERYTHING] : role.permissions.map(({ access, range }) => shown(access, range));
    return { header: front.header(), perm };
  });

  services.answer(METHODS.roleList, async (_request, client) => {
    await front.linearize();
    const { auth, authority } = front.machine;
    throwRefused(authority.refuseButRoot(client.caller));
    return { header: front.header(), roles: auth.roleNames() };
  });
}

async function change(client: Caller, change: AuthChange) {
  await client.propose({ kind: "auth", change }, "done");
  return { header: client.front.header() };
}

/** By etcd's numbers. */
const ACCESSES: readonly Access[] = ["read", "write", "readwrite"];

/** What etcd says that the root role permits. */
const EVERYTHING: Permission = { permType: ACCESSES.indexOf("readwrite"), key: "", rangeEnd: "\0" };

function shown(access: Access, range: KeyRange): Permission {
  const rangeEnd = isSingleKey(range) ? "" : (range.to ?? "\0");
  return { permType: ACCESSES.indexOf(access), key: range.from, rangeEnd };
}
