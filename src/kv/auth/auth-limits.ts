/** Limits of users and roles. Like those of a command, they belong to the format: never make one an option. */

export const AUTH_USERS_MAX = 10_000;

export const AUTH_ROLES_MAX = 10_000;

/** Ranges that one role may name. */
export const ROLE_PERMISSIONS_MAX = 10_000;

/** Characters in the name of a user or a role. */
export const AUTH_NAME_LENGTH_MAX = 1024;
