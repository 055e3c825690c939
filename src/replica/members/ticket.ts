import { latin1Bytes, latin1Text } from "../../base/bytes.ts";
import { pack, unpack } from "../../base/codec.ts";
import { QuorateError } from "../../base/errors.ts";
import type { MemberId } from "../../log/entry.ts";
import { type MemberRecord, type PackedMember, packMembers, unpackMembers } from "./directory.ts";

/** What a new member has to know to take part: whose cluster it joins, as whom, and where the others are. */
export interface Ticket {
  readonly clusterId: string;
  /** The number that the cluster gave the new member. It is of no use to any other. */
  readonly id: MemberId;
  /** Everybody, the new member included. */
  readonly members: readonly MemberRecord[];
}

const VERSION = 1;

/** A ticket as one word of text. It is no secret, and no proof: who may connect is for the transport to decide. */
export function encodeTicket({ clusterId, id, members }: Ticket): string {
  const text = btoa(latin1Text(pack([VERSION, clusterId, id, packMembers(members)])));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Throws ERR_INVALID_ARGUMENT for what is no ticket. */
export function decodeTicket(text: string): Ticket {
  try {
    const bytes = latin1Bytes(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
    const [version, clusterId, id, members] = unpack(bytes) as [number, string, MemberId, PackedMember[]];
    if (version !== VERSION || typeof clusterId !== "string" || !Number.isSafeInteger(id))
      throw new TypeError("not a ticket");
    return { clusterId, id, members: unpackMembers(members) };
  } catch (cause) {
    const details = { argument: "join", received: text };
    throw new QuorateError("ERR_INVALID_ARGUMENT", "join must be a ticket that `add` gave", details, {
      cause,
    });
  }
}
