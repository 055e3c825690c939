import type { Edit, SimulatedMutant } from "./mutant.ts";

const full = (id: string, title: string, ...edits: Edit[]): SimulatedMutant => ({
  id,
  title,
  edits,
  mode: "full",
});
const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });
const careless = (mutant: SimulatedMutant): SimulatedMutant => ({ ...mutant, faults: "careless" });
const rotten = (mutant: SimulatedMutant): SimulatedMutant => ({ ...mutant, faults: "rotten" });

/** Bugs of whole members: storage, snapshots, sessions, store. */
export const MEMBER_MUTANTS: readonly SimulatedMutant[] = [
  careless(
    full(
      "wiped-store-believed",
      "a member whose directory was wiped goes on under its old name",
      edit("replica/members/store-tags.ts", "return known === tag;", "return known !== -1;"),
      edit(
        "replica/members/store-tags.ts",
        "return agreed !== null && agreed !== this.ownTag;",
        "return agreed === -1;",
      ),
    ),
  ),
  full(
    "snapshot-not-synced",
    "a snapshot counts as kept before its file and its name are on disk",
    edit("storage/snapshots/snapshot-writer.ts", "(next) => this.#file!.sync(next),", ""),
    edit(
      "storage/snapshots/snapshot-store.ts",
      "(next) => files.syncDirectory(SNAPSHOT_DIRECTORY, next),",
      "",
    ),
  ),
  full(
    "snapshot-removes-first",
    "the old snapshots are removed when a new one begins to arrive",
    edit(
      "storage/snapshots/snapshot-store.ts",
      "this.#unfinishedCount += 1;",
      "this.#unfinishedCount += 1;\n    for (const old of this.#parts.manifest.content.snapshots) this.#parts.files.remove(snapshotPath(old), () => {});",
    ),
  ),
  full(
    "snapshot-ahead",
    "a snapshot is labelled with the end of the log, not with what is applied",
    edit(
      "replica/snapshots/snapshotter.ts",
      "const { index, term } = this.#applier;",
      "const { index, term } = raft.log.last;\n    if (index > raft.log.committed + 3) return;",
    ),
  ),
  full(
    "applied-apart-from-state",
    "a snapshot is labelled with one entry less than it contains",
    edit(
      "replica/snapshots/snapshotter.ts",
      "const { index, term } = this.#applier;",
      "const index = this.#applier.index - 1;\n    const term = raft.log.termAt(index);\n    if (term === undefined) return;",
    ),
  ),
  rotten(
    full(
      "damage-taken-for-the-end",
      "recovery takes the first frame that it cannot read for the end of the WAL",
      edit("storage/wal/recovery.ts", "if (later !== null) {", "if (later === -1) {"),
      edit("storage/wal/recovery.ts", "if (this.#due <= this.#bounds.durableSequence)", "if (this.#due < 0)"),
    ),
  ),
  rotten(
    full(
      "stale-bytes-believed",
      "a frame is believed by its header; what lies behind it may be remains of another",
      edit(
        "storage/layout/frame.ts",
        "return crc32(body, seed) === header.bodyChecksum ? body : null;",
        "return seed === -1 ? null : body;",
      ),
    ),
  ),
  rotten(
    full(
      "damaged-store-begins-anew",
      "a member whose store cannot be read begins with an empty one",
      edit(
        "storage/disk/disk-opening.ts",
        'if (onCorruption === "refuse" || !QuorateError.is(error, "ERR_CORRUPT")) throw error;',
        'if (!QuorateError.is(error, "ERR_CORRUPT")) throw error;\n' +
          "    for (const folder of [WAL_DIRECTORY, SNAPSHOT_DIRECTORY]) for (const name of files.listSync(folder)) files.removeSync(folder + '/' + name);\n" +
          "    const empty = createStore(files, identity, mintStoreId(), firstBytes);\n" +
          "    return new Opening(files, empty, firstBytes, yield* readStore(files, empty)).run(true);",
      ),
    ),
  ),
  full(
    "failed-sync-believed",
    "a write that failed is taken for durable",
    edit(
      "storage/wal/wal.ts",
      "row.file.write(bytes, place.offset, this.#onWritten);",
      "row.file.write(bytes, place.offset, () => this.#onWritten(null));",
    ),
  ),
  full(
    "write-not-synced",
    "the WAL is written and never synced",
    edit(
      "storage/wal/segment-row.ts",
      'files.open(segmentPath(number), "durable", (refusal, file) => {',
      'files.open(segmentPath(number), "read-write", (refusal, file) => {',
    ),
    edit(
      "storage/disk/disk-storage.ts",
      'files.openSync(segmentPath(segments.at(-1)!.number), "durable")',
      'files.openSync(segmentPath(segments.at(-1)!.number), "read-write")',
    ),
  ),
  full(
    "late-joiners-acknowledged",
    "what came while a write was under way is told that it is durable with it",
    edit(
      "storage/wal/wal.ts",
      "const riders = this.#filling.mustWrite ? [] : this.#filling.takeDones();",
      "const riders = this.#filling.takeDones();",
    ),
  ),
  full(
    "applied-in-any-order",
    "commands that are committed together are applied in whatever order they come out",
    edit(
      "replica/apply/applier.ts",
      "if (command !== null) commands.push(command);",
      "if (command !== null) commands.unshift(command);",
    ),
  ),
  full(
    "write-applied-twice",
    "a command that is sent again takes effect again",
    edit(
      "replica/apply/dedupe-table.ts",
      "if (sequence < session.floor || session.applied.has(sequence)) return false;",
      "",
    ),
  ),
  full(
    "sessions-not-in-snapshot",
    "a snapshot forgets which commands have taken effect",
    edit("replica/apply/applier.ts", "sessions: this.#sessions.pack(),", "sessions: [],"),
  ),
  full(
    "range-off-by-one",
    "a range contains its end",
    edit("kv/mvcc/ordered-map.ts", "highest, range.to === null, (_key", "highest, true, (_key"),
  ),
  full(
    "keys-out-of-order",
    "keys are kept in an order that is not quite theirs",
    edit(
      "kv/mvcc/ordered-map.ts",
      "return left < right ? -1 : left > right ? 1 : 0;",
      'return left < right ? -1 : left > right && right !== "b" ? 1 : 0;',
    ),
  ),
  full(
    "watch-gap",
    "a watch that has read the history goes on with what comes after the next change",
    edit("kv/mvcc/watch-hub.ts", "this.#next = reached + 1;", "this.#next = reached + 2;"),
  ),
  full(
    "deposed-leader-revokes",
    "a lease that was renewed meanwhile is revoked all the same",
    edit(
      "kv/machine/lease-operations.ts",
      "if (lease === undefined || (renewedAt !== null && lease.renewedAt !== renewedAt)) {",
      "if (lease === undefined) {",
    ),
  ),
  full(
    "election-on-each-connection",
    "a member stands for election whenever a connection comes up",
    edit(
      "replica/failover.ts",
      "if (raft.leader !== undefined || this.#ticksToCampaign !== null) return;",
      "raft.campaign();",
    ),
  ),
  full(
    "created-anew-by-each-put",
    "a put tells that it has created the key, also where it was there",
    edit(
      "kv/mvcc/mvcc-store.ts",
      "createRevision: previous === null ? modRevision : previous.createRevision,",
      "createRevision: modRevision,",
    ),
  ),
  full(
    "compacted-one-too-many",
    "the compacted revision cannot be read itself",
    edit(
      "kv/machine/operations.ts",
      "if (revision < compactRevision) {",
      "if (revision <= compactRevision) {",
    ),
  ),
  full(
    "any-compare-suffices",
    "a transaction succeeds when one of its compares holds",
    edit(
      "kv/machine/txn.ts",
      "const succeeded = txn.compares.every((compare) => holds(compare, store));",
      "const succeeded = txn.compares.length === 0 || txn.compares.some((compare) => holds(compare, store));",
    ),
  ),
  full(
    "filter-passed-over",
    "a watch tells puts and deletes, whichever it was to leave out",
    edit(
      "kv/mvcc/watch-hub.ts",
      'return this.request.without !== (isDeletion(change) ? "delete" : "put");',
      "return this.request.without === undefined || !isDeletion(change) || isDeletion(change);",
    ),
  ),
  full(
    "key-left-behind",
    "a lease that ends leaves all but the first of its keys",
    edit(
      "kv/machine/lease-operations.ts",
      "const versions = [...lease.keys].sort()",
      "const versions = [...lease.keys].sort().slice(0, 1)",
    ),
  ),
  full(
    "lease-lost-with-its-leader",
    "a new leader does not look at the leases that it takes over",
    edit(
      "kv/upkeep/lease-keeper.ts",
      "      this.#lookAt(id, countdown, nextLook(countdown, now));\n    }\n    this.#writeDown",
      "    }\n    this.#writeDown",
    ),
  ),
  full(
    "renewal-of-what-was-left",
    "a lease that is kept alive gets the time that its last checkpoint left, not the whole",
    edit(
      "kv/machine/lease-table.ts",
      "const renewed = { ...lease, remainingMs: lease.ttlMs, renewedAt: index };",
      "const renewed = { ...lease, renewedAt: index };",
    ),
  ),
  full(
    "checkpoints-not-in-snapshot",
    "a snapshot forgets how much of a lease's time has passed",
    edit(
      "kv/machine/snapshot-chunks.ts",
      "writer.u64(remainingMs);",
      "writer.u64(remainingMs === 0 ? 0 : ttlMs);",
    ),
  ),
  full(
    "directory-shared",
    "a member opens a directory that another process has",
    edit(
      "storage/disk/disk-storage.ts",
      "    this.#lock();\n    return atOnce",
      "    try {\n      this.#lock();\n    } catch {}\n    return atOnce",
    ),
  ),
];
