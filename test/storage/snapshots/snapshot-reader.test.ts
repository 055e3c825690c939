import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ByteWriter } from "../../../src/base/bytes.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";
import {
  encodeChunk,
  encodeSnapshotHeader,
  encodeTrailer,
  snapshotPath,
} from "../../../src/storage/snapshots/snapshot-file.ts";
import { DiskSnapshotReader } from "../../../src/storage/snapshots/snapshot-reader.ts";

const CHUNK = new Uint8Array(100).fill(1);

describe("a snapshot that becomes shorter while it is read", () => {
  const root = mkdtempSync(join(tmpdir(), "quorate-snapshot-"));
  afterAll(() => rmSync(root, { recursive: true }));

  const { listing, lengths } = write(root);
  const whole = lengths.reduce((sum, length) => sum + length, 0);

  for (const [what, length] of [
    ["in a chunk's header", lengths[0]! + 3],
    ["in a chunk", lengths[0]! + 50],
    ["in the trailer", whole - 5],
  ] as const) {
    it(`is refused as damaged, cut ${what}`, async () => {
      for (const read of [readInTurn, readNow]) {
        write(root);
        const reader = new DiskSnapshotReader(new NodeFiles(root), listing);
        truncateSync(join(root, snapshotPath(listing)), length);
        const failure = await read(reader).catch((error: unknown) => error);
        expect(QuorateError.is(failure, "ERR_CORRUPT")).toBe(true);
        reader.close();
      }
    });
  }
});

/** A snapshot of one chunk, and the lengths of its header, chunk and trailer. */
function write(root: string) {
  const metadata = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1] } };
  const header = encodeSnapshotHeader({ metadata, context: new Uint8Array(0) });
  const chunk = new ByteWriter();
  const checksum = encodeChunk(chunk, CHUNK, header.checksum);
  const trailer = encodeTrailer(1, CHUNK.length, checksum);
  const parts = [header.bytes, chunk.take(), trailer.bytes];
  const lengths = parts.map((part) => part.length);
  const listing = { index: 1, term: 1, bytes: Buffer.concat(parts).length, checksum: trailer.checksum };
  const path = join(root, snapshotPath(listing));
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, Buffer.concat(parts));
  return { listing, lengths };
}

async function readInTurn(reader: DiskSnapshotReader): Promise<void> {
  const next = () =>
    new Promise<unknown>((resolve, reject) =>
      reader.read((error, chunk) => (error === null ? resolve(chunk) : reject(error))),
    );
  while ((await next()) !== null);
}

async function readNow(reader: DiskSnapshotReader): Promise<void> {
  while (reader.readSync() !== undefined);
}
