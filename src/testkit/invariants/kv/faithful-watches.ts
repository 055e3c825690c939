import { isDeletion, type KeyVersion, type Revision } from "../../../kv/mvcc/key-history.ts";
import { inRange, type KeyRange } from "../../../kv/mvcc/key-range.ts";
import type { WatchBatch } from "../../../kv/mvcc/watch-hub.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { MemberEvent, SimEvent } from "../../simulation/seen/sim-event.ts";
import type { KvNote } from "./kv-note.ts";

interface Watched {
  readonly range: KeyRange;
  readonly without: "put" | "delete" | null;
  readonly isOfAll: boolean;
  /** Everything up to here was told. */
  told: Revision;
  isOver: boolean;
}

type Changes = Extract<WatchBatch, { kind: "changes" }>;

/** What etcd promises of watches: ordered, unique, reliable, atomic. */
export class FaithfulWatches implements Check {
  readonly name = "W1";
  readonly says = "A watch tells every change of its range once, in order, and no revision in parts.";
  readonly kinds = ["started", "noted", "ended"] as const;
  readonly #watches = new Map<string, Watched>();
  /** What happened in each revision, as a watch of everything told it first. */
  readonly #revisions = new Map<Revision, readonly string[]>();
  #newest: Revision = 0;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "started") this.#forget(event.member);
    else if (event.kind === "noted") this.#noted(event, picture);
    else if (event.kind === "ended") this.#ended(picture);
  }

  #forget(member: number): void {
    for (const name of this.#watches.keys()) if (name.startsWith(`${member}/`)) this.#watches.delete(name);
  }

  #noted({ member, note }: Extract<MemberEvent, { kind: "noted" }>, picture: Picture): void {
    const news = note as KvNote;
    const name = `${member}/${news.watch}`;
    if (news.kind === "watch-began") {
      const isOfAll = news.range.from === "" && news.range.to === null;
      const { range, without, from } = news;
      this.#watches.set(name, { range, without, isOfAll, told: from - 1, isOver: false });
      return;
    }
    const watch = this.#watches.get(name)!;
    if (news.batch.kind === "compacted") {
      // What it missed was compacted: it may end, and begin again behind that.
      if (news.batch.compactRevision <= watch.told)
        this.#fail(member, picture, "ends, though nothing was missed");
      watch.isOver = true;
      return;
    }
    this.#told(watch, news.batch, (what) => this.#fail(member, picture, what));
  }

  #told(watch: Watched, { changes, revision }: Changes, fail: (what: string) => never): void {
    const byRevision = new Map<Revision, KeyVersion[]>();
    let last = watch.told;
    for (const { change } of changes) {
      const { modRevision, key } = change;
      if (modRevision <= watch.told) fail(`tells revision ${modRevision} after ${watch.told}`);
      if (modRevision < last) fail(`tells revision ${modRevision} behind ${last}`);
      if (!inRange(key, watch.range)) fail(`tells of ${key}, which is not in its range`);
      last = modRevision;
      const known = byRevision.get(modRevision);
      if (known === undefined) byRevision.set(modRevision, [change]);
      else known.push(change);
    }
    if (last > revision) fail(`says that it told up to ${revision}, and tells ${last}`);
    if (watch.isOfAll) this.#learn(watch.told, revision, byRevision, fail);
    this.#compare(watch, revision, byRevision, fail);
    watch.told = revision;
    this.#newest = Math.max(this.#newest, revision);
  }

  /** A watch of everything leaves no revision out. */
  #learn(
    told: Revision,
    revision: Revision,
    byRevision: ReadonlyMap<Revision, readonly KeyVersion[]>,
    fail: (what: string) => never,
  ): void {
    for (let each = told + 1; each <= revision; each++) {
      const changes = byRevision.get(each);
      if (changes === undefined) fail(`leaves out revision ${each}`);
      if (!this.#revisions.has(each)) this.#revisions.set(each, changes.map(textOf));
    }
  }

  #compare(
    { told, range, without }: Watched,
    revision: Revision,
    byRevision: ReadonlyMap<Revision, readonly KeyVersion[]>,
    fail: (what: string) => never,
  ): void {
    for (let each = told + 1; each <= revision; each++) {
      const known = this.#revisions
        .get(each)
        ?.filter(
          (text) => inRange(keyOf(text), range) && without !== (isOfDeletion(text) ? "delete" : "put"),
        );
      if (known === undefined) continue;
      const seen = (byRevision.get(each) ?? []).map(textOf);
      if (known.join("\n") !== seen.join("\n"))
        fail(`tells ${seen.join(", ") || "nothing"} of revision ${each}, not ${known.join(", ")}`);
    }
  }

  #ended(picture: Picture): void {
    for (const [name, { isOfAll, isOver, told }] of this.#watches) {
      const member = picture.member(Number(name.split("/")[0]));
      if (
        !member.isUp ||
        !isOfAll ||
        isOver ||
        member.applied < picture.canon.lastIndex ||
        told >= this.#newest
      )
        continue;
      throw new Violation(
        this,
        `A watch at ${member.name} has come to revision ${told} of ${this.#newest} at the end.`,
      );
    }
  }

  #fail(member: number, picture: Picture, what: string): never {
    throw new Violation(this, `A watch at ${picture.nameOf(member)} ${what}.`);
  }
}

function textOf(change: KeyVersion): string {
  return `${change.key}\0${isDeletion(change) ? DELETED : change.value}`;
}

const DELETED = "deleted";

function isOfDeletion(text: string): boolean {
  return text.endsWith(`\0${DELETED}`);
}

function keyOf(text: string): string {
  return text.slice(0, text.indexOf("\0"));
}
