import { EMPTY_BYTES, MalformedBytes } from "../base/bytes.ts";
import { pack, unpack } from "../base/codec.ts";
import type { MemberChange, MembershipChange } from "./membership.ts";

const TRANSITIONS: readonly MembershipChange["transition"][] = ["auto", "implicit", "explicit"];
const KINDS: readonly MemberChange["kind"][] = ["add-voter", "add-learner", "remove", "update"];

/** The change that leaves a joint configuration. Its bytes are empty, so that no budget can ever refuse it. */
export const LEAVE_JOINT: MembershipChange = { transition: "auto", changes: [], context: EMPTY_BYTES };

export function isLeaveJoint(change: MembershipChange): boolean {
  return change.transition === "auto" && change.changes.length === 0;
}

/** A change as the data of a `membership` entry: `[transition, [[kind, member] …], context]`, packed. */
export function encodeMembershipChange(change: MembershipChange): Uint8Array {
  if (isLeaveJoint(change) && change.context.length === 0) return EMPTY_BYTES;
  const changes = change.changes.map(({ kind, member }) => [KINDS.indexOf(kind), member]);
  return pack([TRANSITIONS.indexOf(change.transition), changes, change.context]);
}

/** Throws MalformedBytes on what `encodeMembershipChange` cannot have given. */
export function decodeMembershipChange(data: Uint8Array): MembershipChange {
  if (data.length === 0) return LEAVE_JOINT;
  const [transitionCode, changes, context] = unpackArray(data, 3);
  const transition = TRANSITIONS[transitionCode as number];
  if (transition === undefined || !Array.isArray(changes) || !(context instanceof Uint8Array)) {
    throw new MalformedBytes("not a change of membership");
  }
  // A view with the plain type: a Buffer would compare and print differently.
  const bytes = new Uint8Array(context.buffer, context.byteOffset, context.length);
  return { transition, changes: changes.map(readMemberChange), context: bytes };
}

function readMemberChange(value: unknown): MemberChange {
  if (!Array.isArray(value) || value.length !== 2) throw new MalformedBytes("not a change of one member");
  const kind = KINDS[value[0] as number];
  const member: unknown = value[1];
  if (kind === undefined || typeof member !== "number" || !Number.isSafeInteger(member) || member < 0) {
    throw new MalformedBytes("not a change of one member");
  }
  return { kind, member };
}

function unpackArray(data: Uint8Array, length: number): unknown[] {
  let value: unknown;
  try {
    value = unpack(data);
  } catch {
    throw new MalformedBytes("not a packed value");
  }
  if (!Array.isArray(value) || value.length !== length) {
    throw new MalformedBytes(`not a list of ${length} values`);
  }
  return value;
}
