import { PERMISSION_TYPES } from "../../wire/auth-messages.ts";
import { ALARM_ACTIONS, ALARM_TYPES } from "../../wire/maintenance-messages.ts";

/** What may be told of a request. What is not here, such as a value, a password or a token, is left out. */
const TOLD: ReadonlySet<string> = new Set([
  ...["key", "rangeEnd", "lease", "id", "ttl", "revision"],
  ...["compare", "success", "failure", "requestRange", "requestPut", "requestDeleteRange", "requestTxn"],
  ...["name", "user", "role", "perm", "permType", "options", "noPassword", "leader"],
  ...["memberId", "targetId", "peerUrls", "isLearner", "action", "alarm"],
]);

const KEYS: ReadonlySet<string> = new Set(["key", "rangeEnd"]);

/** Numbers that have names. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  permType: PERMISSION_TYPES,
  action: ALARM_ACTIONS,
  alarm: ALARM_TYPES,
};

const TEXT_LENGTH_MAX = 256;
const ITEMS_MAX = 128;
const DEPTH_MAX = 20;

/** What a request is about: names, ids and key ranges. Long texts and lists are cut. */
export function auditSubject(request: object): Readonly<Record<string, unknown>> {
  return told(request, 0);
}

function told(request: object, depth: number): Record<string, unknown> {
  const subject: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(request)) {
    if (!TOLD.has(field) || isEmpty(value) || depth > DEPTH_MAX) continue;
    subject[field] = shown(field, value, depth);
  }
  return subject;
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === null || value === false || (Array.isArray(value) && value.length === 0);
}

function shown(field: string, value: unknown, depth: number): unknown {
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => shown(field, item, depth));
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return NAMES[field]?.[value] ?? value;
  if (typeof value === "string") return shortened(KEYS.has(field) ? keyText(value) : value);
  return typeof value === "object" && value !== null ? told(value, depth + 1) : value;
}

/** Keys are bytes, most of which are text. */
function keyText(key: string): string {
  return Buffer.from(key.slice(0, TEXT_LENGTH_MAX + 1), "latin1").toString();
}

function shortened(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}…`;
}
