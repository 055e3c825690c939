import type { KeyRange } from "../mvcc/key-range.ts";
import type { Permission } from "./auth-state.ts";

/** What can be changed about users and roles; etcd's calls of the same names. */
export type AuthChange =
  | { readonly kind: "enable" }
  | { readonly kind: "disable" }
  /** `password` is a hash, or null for a user whom only a certificate can name. */
  | { readonly kind: "user-add"; readonly user: string; readonly password: string | null }
  | { readonly kind: "user-delete"; readonly user: string }
  /** A user without a password stays one. */
  | { readonly kind: "user-password"; readonly user: string; readonly password: string }
  | { readonly kind: "user-grant"; readonly user: string; readonly role: string }
  | { readonly kind: "user-revoke"; readonly user: string; readonly role: string }
  | { readonly kind: "role-add"; readonly role: string }
  | { readonly kind: "role-delete"; readonly role: string }
  /** Replaces the permission on exactly this range, if there is one. */
  | { readonly kind: "role-grant"; readonly role: string; readonly permission: Permission }
  /** Takes back the permission on exactly this range. */
  | { readonly kind: "role-revoke"; readonly role: string; readonly range: KeyRange };
