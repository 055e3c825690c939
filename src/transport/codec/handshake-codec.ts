import { ByteReader, ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import { QuorateError } from "../../base/errors.ts";
import type { MemberId } from "../../log/entry.ts";
import type { Newcomer } from "../transport.ts";

/** The version of handshake and framing together. Both ends must speak the same. */
export const PROTOCOL_VERSION = 2;

/** No part of a handshake is longer, so a stranger can make us hold no more than this. */
export const HANDSHAKE_BYTES_MAX = 16 * 1024;
export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;

/** "qrt" and a byte that no text has. */
const MAGIC = 0xff747271;

/** Who a member says it is. */
export interface Claim {
  readonly clusterId: string;
  readonly name: string;
  readonly id: MemberId;
  readonly storeId: string;
  readonly bootEpoch: number;
}

/** The dialler's first words: who it is, and whom it believes to have reached. */
export interface Hello {
  readonly kind: "hello";
  readonly version: number;
  readonly nonce: Uint8Array;
  readonly claim: Claim;
  readonly target: { readonly name: string; readonly id: MemberId };
}

/** The first words of a process that wants to start as a member that was added, and lacks its ticket. */
export interface Join {
  readonly kind: "join";
  readonly version: number;
  readonly nonce: Uint8Array;
  readonly newcomer: Newcomer;
}

/** The acceptor's answer: who it is, and the proof that it knows the secret. */
export interface Welcome {
  readonly kind: "welcome";
  readonly nonce: Uint8Array;
  readonly claim: Claim;
  readonly proof: Uint8Array;
}

export type HandshakePart =
  | Hello
  | Join
  | Welcome
  /** The dialler's proof that it knows the secret. */
  | { readonly kind: "confirm"; readonly proof: Uint8Array }
  | { readonly kind: "accept" }
  | { readonly kind: "refuse"; readonly error: HandshakeRefusal }
  /** What a newcomer has asked for, or why it does not get it. */
  | { readonly kind: "ticket"; readonly ticket: string }
  | { readonly kind: "no-ticket"; readonly reason: string };

export type HandshakeRefusal = QuorateError<"ERR_IDENTITY_MISMATCH"> | QuorateError<"ERR_INCOMPATIBLE">;

const CODES = {
  hello: 1,
  welcome: 2,
  confirm: 3,
  accept: 4,
  refuse: 5,
  join: 6,
  ticket: 7,
  "no-ticket": 8,
} as const;

export function encodeHandshake(part: HandshakePart): Uint8Array {
  const writer = new ByteWriter(512);
  writer.u8(CODES[part.kind]);
  switch (part.kind) {
    case "hello":
      // Magic and version come first and stay there in every version, so that each can refuse every other.
      writer.u32(MAGIC);
      writer.u32(part.version);
      writer.bytes(part.nonce);
      writeClaim(writer, part.claim);
      writer.text(part.target.name);
      writer.u64(part.target.id);
      break;
    case "join":
      writer.u32(MAGIC);
      writer.u32(part.version);
      writer.bytes(part.nonce);
      writer.text(part.newcomer.name);
      writer.text(part.newcomer.address);
      break;
    case "welcome":
      // The proof comes last: it is made over all that stands before it.
      writer.bytes(part.nonce);
      writeClaim(writer, part.claim);
      writer.bytes(part.proof);
      break;
    case "confirm":
      writer.bytes(part.proof);
      break;
    case "accept":
      break;
    case "refuse":
      writeRefusal(writer, part.error);
      break;
    case "ticket":
      writer.text(part.ticket);
      break;
    case "no-ticket":
      writer.text(part.reason);
  }
  return writer.take();
}

/** Throws MalformedBytes on what is no part of a handshake, and ERR_INCOMPATIBLE on a hello of another version. */
export function decodeHandshake(bytes: Uint8Array): HandshakePart {
  const reader = new ByteReader(bytes);
  const part = readPart(reader);
  reader.end();
  return part;
}

function readPart(reader: ByteReader): HandshakePart {
  switch (reader.u8()) {
    case CODES.hello:
      return readHello(reader);
    case CODES.welcome: {
      const nonce = reader.bytes(NONCE_BYTES);
      return { kind: "welcome", nonce, claim: readClaim(reader), proof: reader.bytes(PROOF_BYTES) };
    }
    case CODES.confirm:
      return { kind: "confirm", proof: reader.bytes(PROOF_BYTES) };
    case CODES.accept:
      return { kind: "accept" };
    case CODES.refuse:
      return { kind: "refuse", error: readRefusal(reader) };
    case CODES.join: {
      const { version, nonce } = readOpening(reader);
      return { kind: "join", version, nonce, newcomer: { name: reader.text(), address: reader.text() } };
    }
    case CODES.ticket:
      return { kind: "ticket", ticket: reader.text() };
    case CODES["no-ticket"]:
      return { kind: "no-ticket", reason: reader.text() };
    default:
      throw new MalformedBytes("unknown part of a handshake");
  }
}

function readHello(reader: ByteReader): Hello {
  const { version, nonce } = readOpening(reader);
  const claim = readClaim(reader);
  return { kind: "hello", version, nonce, claim, target: { name: reader.text(), id: reader.u64() } };
}

/** What the first words of every dialler begin with, in every version. */
function readOpening(reader: ByteReader): { readonly version: number; readonly nonce: Uint8Array } {
  if (reader.u32() !== MAGIC) throw new MalformedBytes("not the greeting of a member");
  const version = reader.u32();
  if (version !== PROTOCOL_VERSION) throw incompatible(version, PROTOCOL_VERSION);
  return { version, nonce: reader.bytes(NONCE_BYTES) };
}

function writeClaim(writer: ByteWriter, claim: Claim): void {
  writer.text(claim.clusterId);
  writer.text(claim.name);
  writer.u64(claim.id);
  writer.text(claim.storeId);
  writer.u64(claim.bootEpoch);
}

function readClaim(reader: ByteReader): Claim {
  const clusterId = reader.text();
  const name = reader.text();
  const id = reader.u64();
  return { clusterId, name, id, storeId: reader.text(), bootEpoch: reader.u64() };
}

function writeRefusal(writer: ByteWriter, error: HandshakeRefusal): void {
  const isIncompatible = QuorateError.is(error, "ERR_INCOMPATIBLE");
  writer.u8(isIncompatible ? 1 : 0);
  if (isIncompatible) {
    writer.u32(error.details.found);
    writer.u32(error.details.supported);
  } else {
    const { field, expected, found } = (error as QuorateError<"ERR_IDENTITY_MISMATCH">).details;
    for (const text of [field, expected, found]) writer.text(text.slice(0, 256));
  }
}

function readRefusal(reader: ByteReader): HandshakeRefusal {
  if (reader.u8() === 1) return incompatible(reader.u32(), reader.u32());
  return mismatch(reader.text(), reader.text(), reader.text());
}

/** What the refusing end found, and what it speaks itself. */
export function incompatible(found: number, supported: number): QuorateError<"ERR_INCOMPATIBLE"> {
  return new QuorateError("ERR_INCOMPATIBLE", `protocol version ${found} met version ${supported}`, {
    what: "peer protocol",
    found,
    supported,
  });
}

/** What most often makes two members differ in that. */
const HINTS: Readonly<Record<string, string>> = {
  clusterId: ": the names in peers, and cluster, must be the same on all members",
  memberId: ": a member was removed, or the address is another's",
  memberName: ": the address is another's",
  secret: ": it must be the same on all members",
};

/** What the refusing end expected, and what it found. */
export function mismatch(
  field: string,
  expected: string,
  found: string,
): QuorateError<"ERR_IDENTITY_MISMATCH"> {
  return new QuorateError(
    "ERR_IDENTITY_MISMATCH",
    `wrong ${field}: expected "${expected}", found "${found}"${HINTS[field] ?? ""}`,
    {
      field,
      expected,
      found,
    },
  );
}
