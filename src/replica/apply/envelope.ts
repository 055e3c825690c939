import { ByteWriter } from "../../base/bytes.ts";
import type { MemberId } from "../../log/entry.ts";

/**
 * What the replica puts before each command, so that a command takes effect once however often it was sent:
 * `origin u64 | epoch u64 | sequence u64 | settledBelow u64 | time f64 | command`, little-endian.
 */
export const ENVELOPE_BYTES = 40;

const EPOCH_OFFSET = 8;
const SEQUENCE_OFFSET = 16;
const SETTLED_OFFSET = 24;
const TIME_OFFSET = 32;

/** Who proposes commands: one start of one member. */
export interface Proposer {
  readonly origin: MemberId;
  /** The boot epoch of the start: it grows with each, and numbers of one never meet those of another. */
  readonly epoch: number;
}

export interface Envelope extends Proposer {
  /** The proposer's number for the command; grows with each. */
  readonly sequence: number;
  /** The proposer waits for no command below this number any more. */
  readonly settledBelow: number;
  /** Milliseconds since 1970, by the leader that appended it: see `CommandTime`. */
  readonly time: number;
  readonly command: Uint8Array;
}

export function sealCommand(envelope: Envelope): Uint8Array {
  return sealCommands(envelope, [envelope])[0]!;
}

/**
 * Commands that go out together, and have all but their numbers in common. They lie in one buffer: the log keeps hundreds
 * of thousands of entries, and a buffer of its own for each costs the garbage collector more than all of their bytes.
 */
export function sealCommands(
  { origin, epoch, settledBelow, time }: Pick<Envelope, "origin" | "epoch" | "settledBelow" | "time">,
  commands: readonly Pick<Envelope, "sequence" | "command">[],
): Uint8Array[] {
  const bytes = commands.reduce((sum, { command }) => sum + ENVELOPE_BYTES + command.length, 0);
  const writer = new ByteWriter(bytes);
  return commands.map(({ sequence, command }) => {
    const from = writer.length;
    writer.u64(origin);
    writer.u64(epoch);
    writer.u64(sequence);
    writer.u64(settledBelow);
    writer.f64(time);
    writer.bytes(command);
    return writer.written(from);
  });
}

/** Stands for the replica itself, in place of a member: what it has to say is no command for the machine. */
export const REPLICA_ORIGIN = 0;

/** What one replica tells all others through the log: see `Checkpoints`. */
export function sealReport(report: Uint8Array): Uint8Array {
  const numbers = { epoch: 0, sequence: 0, settledBelow: 0, time: 0 };
  return sealCommand({ origin: REPLICA_ORIGIN, ...numbers, command: report });
}

/** Null when the bytes hold no envelope: a leader's empty entry, or what a faulty peer made up. */
export function openCommand(bytes: Uint8Array): Envelope | null {
  if (bytes.length < ENVELOPE_BYTES) return null;
  return {
    origin: readU64(bytes, 0),
    epoch: readU64(bytes, EPOCH_OFFSET),
    sequence: readU64(bytes, SEQUENCE_OFFSET),
    settledBelow: readU64(bytes, SETTLED_OFFSET),
    time: readF64(bytes, TIME_OFFSET),
    command: bytes.subarray(ENVELOPE_BYTES),
  };
}

/** Overwrites the time in place. The leader does so with what is forwarded to it, before the bytes enter the log. */
export function stampTime(bytes: Uint8Array, time: number): void {
  if (bytes.length < ENVELOPE_BYTES) return;
  scratch.setFloat64(0, time, true);
  for (let at = 0; at < 8; at++) bytes[TIME_OFFSET + at] = scratch.getUint8(at);
}

/** Byte by byte: each entry is read once, and a view of its own costs more than all that is read. */
function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4) * 0x1_0000_0000 + readU32(bytes, at);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

const scratch = new DataView(new ArrayBuffer(8));

function readF64(bytes: Uint8Array, at: number): number {
  scratch.setUint32(0, readU32(bytes, at), true);
  scratch.setUint32(4, readU32(bytes, at + 4), true);
  return scratch.getFloat64(0, true);
}
