import { bool, byteString, enumeration, text, texts, uint64 } from "./field.ts";
import { header } from "./header.ts";
import { type MessageOf, message, nested, nestedList } from "./message.ts";

export const PERMISSION_TYPES = ["READ", "WRITE", "READWRITE"];

const permissionFields = {
  permType: enumeration(1, PERMISSION_TYPES, "permType"),
  key: byteString(2),
  rangeEnd: byteString(3),
};
export type Permission = MessageOf<typeof permissionFields>;
export const Permission = message(permissionFields);

export const UserAddOptions = message({ noPassword: bool(1) });

export const AuthStatusResponse = message({
  header,
  enabled: bool(2),
  authRevision: uint64(3, "authRevision"),
});

export const AuthenticateRequest = message({ name: text(1), password: text(2) });
export const AuthenticateResponse = message({ header, token: text(2) });

export const AuthUserAddRequest = message({
  name: text(1),
  password: text(2),
  options: nested(3, () => UserAddOptions),
  hashedPassword: text(4, "hashedPassword"),
});
/** Names a user to be shown or deleted. */
export const AuthUserRequest = message({ name: text(1) });
export const AuthUserChangePasswordRequest = message({
  name: text(1),
  password: text(2),
  hashedPassword: text(3, "hashedPassword"),
});
export const AuthUserGrantRoleRequest = message({ user: text(1), role: text(2) });
export const AuthUserRevokeRoleRequest = message({ name: text(1), role: text(2) });
export const AuthRoleAddRequest = message({ name: text(1) });
/** Names a role to be shown or deleted. */
export const AuthRoleRequest = message({ role: text(1) });
export const AuthRoleGrantPermissionRequest = message({ name: text(1), perm: nested(2, () => Permission) });
export const AuthRoleRevokePermissionRequest = message({
  role: text(1),
  key: byteString(2),
  rangeEnd: byteString(3),
});

export const AuthUserGetResponse = message({ header, roles: texts(2) });
export const AuthRoleGetResponse = message({ header, perm: nestedList(2, () => Permission) });
export const AuthRoleListResponse = message({ header, roles: texts(2) });
export const AuthUserListResponse = message({ header, users: texts(2) });
