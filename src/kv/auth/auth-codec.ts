import { latin1Bytes } from "../../base/bytes.ts";
import { pack } from "../../base/codec.ts";
import type { KeyRange } from "../mvcc/key-range.ts";
import type { AuthChange } from "./auth-change.ts";
import {
  type Access,
  type AuthState,
  emptyAuthState,
  type Permission,
  type Role,
  type User,
} from "./auth-state.ts";
import { Fields } from "./fields.ts";

/** The first element of an encoded change. Numbers are never used for something else. */
const CHANGES: readonly AuthChange["kind"][] = [
  ...(["enable", "disable"] as const),
  ...(["user-add", "user-delete", "user-password", "user-grant", "user-revoke"] as const),
  ...(["role-add", "role-delete", "role-grant", "role-revoke"] as const),
];

const ACCESSES: readonly Access[] = ["read", "write", "readwrite"];

/** A change in MessagePack: the place of its kind in the list above, then its fields in the order of their type. */
export function encodeAuthChange(change: AuthChange): Uint8Array {
  return pack([CHANGES.indexOf(change.kind), ...changeFields(change)]);
}

function changeFields(change: AuthChange): unknown[] {
  switch (change.kind) {
    case "enable":
    case "disable":
      return [];
    case "user-add":
    case "user-password":
      return [change.user, change.password];
    case "user-delete":
      return [change.user];
    case "user-grant":
    case "user-revoke":
      return [change.user, change.role];
    case "role-add":
    case "role-delete":
      return [change.role];
    case "role-grant":
      return [change.role, ...packPermission(change.permission)];
    case "role-revoke":
      return [change.role, ...packRange(change.range)];
  }
}

/** Throws MalformedBytes on what `encodeAuthChange` cannot have given. */
export function decodeAuthChange(bytes: Uint8Array): AuthChange {
  const fields = Fields.of(bytes);
  const kind = fields.oneOf(CHANGES);
  const change = readChange(kind, fields);
  fields.end();
  return change;
}

function readChange(kind: AuthChange["kind"], fields: Fields): AuthChange {
  switch (kind) {
    case "enable":
    case "disable":
      return { kind };
    case "user-add":
      return { kind, user: fields.text(), password: fields.maybeText() };
    case "user-password":
      return { kind, user: fields.text(), password: fields.text() };
    case "user-delete":
      return { kind, user: fields.text() };
    case "user-grant":
    case "user-revoke":
      return { kind, user: fields.text(), role: fields.text() };
    case "role-add":
    case "role-delete":
      return { kind, role: fields.text() };
    case "role-grant":
      return { kind, role: fields.text(), permission: readPermission(fields) };
    case "role-revoke":
      return { kind, role: fields.text(), range: fields.range() };
  }
}

/** All of the state, in an order that depends on nothing but the state. */
export function packAuthState({ isEnabled, revision, enabledSince, users, roles }: AuthState): Uint8Array {
  return pack([
    isEnabled,
    revision,
    enabledSince,
    byName(users).map(({ name, password, since, roles }) => [name, password, since, roles]),
    byName(roles).map(({ name, permissions }) => [name, permissions.map(packPermission)]),
  ]);
}

/** Throws MalformedBytes on what `packAuthState` cannot have given. */
export function unpackAuthState(bytes: Uint8Array): AuthState {
  const fields = Fields.of(bytes);
  const state = emptyAuthState();
  state.isEnabled = fields.claim();
  state.revision = fields.number();
  state.enabledSince = fields.number();
  for (const user of fields.list()) state.users.set(...named(readUser(new Fields(user))));
  for (const role of fields.list()) state.roles.set(...named(readRole(new Fields(role))));
  fields.end();
  return state;
}

function readUser(fields: Fields): User {
  const name = fields.text();
  const password = fields.maybeText();
  const since = fields.number();
  const roles = fields.list().map((role) => new Fields([role]).text());
  fields.end();
  return { name, password, since, roles };
}

function readRole(fields: Fields): Role {
  const name = fields.text();
  const permissions = fields.list().map((permission) => readPermission(new Fields(permission)));
  fields.end();
  return { name, permissions };
}

function readPermission(fields: Fields): Permission {
  return { access: fields.oneOf(ACCESSES), range: fields.range() };
}

function byName<Named extends { readonly name: string }>(map: ReadonlyMap<string, Named>): Named[] {
  return [...map.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

function named<Named extends { readonly name: string }>(value: Named): [string, Named] {
  return [value.name, value];
}

function packPermission({ access, range }: Permission): unknown[] {
  return [ACCESSES.indexOf(access), ...packRange(range)];
}

function packRange({ from, to }: KeyRange): unknown[] {
  return [latin1Bytes(from), to === null ? null : latin1Bytes(to)];
}
