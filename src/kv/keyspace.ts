import { assert } from "../base/assert.ts";
import { latin1Bytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { type ErrorCode, invalidArgument, QuorateError } from "../base/errors.ts";
import { type Demands, type OptionTable, whole } from "../base/options.ts";
import { READ as BARRIER, type ReadOptions as BarrierOptions } from "../replica/calls/reads.ts";
import type { BoundName, Bounds } from "./bounds.ts";
import { fromByteString, toByteString } from "./byte-text.ts";
import { insteadOf, type OnDecodeError, undecodable } from "./decoding.ts";
import type { BackendResult, Deleted, KvBackend, ProposeOptions } from "./kv-backend.ts";
import type { Command, SessionId } from "./machine/command.ts";
import { encodeCommand } from "./machine/command-codec.ts";
import type { Refused } from "./machine/result.ts";
import { type KeyVersion, NO_LEASE, type Revision } from "./mvcc/key-history.ts";
import {
  intersection,
  isEmptyRange,
  type Key,
  type KeyRange,
  keysWithPrefix,
  singleKey,
} from "./mvcc/key-range.ts";
import type { ValueCodec } from "./value-codec.ts";

/** A key with its value and what is known of both. */
export interface KvEntry<Value> {
  readonly key: string;
  readonly value: Value;
  /** The revision that created the key. */
  readonly createRevision: Revision;
  /** The revision of the last put. */
  readonly modRevision: Revision;
  /** 1 when the key is created, one more with each put. */
  readonly version: number;
  /** The lease that the key hangs on, if any. */
  readonly lease?: string;
}

export interface ReadOptions extends BarrierOptions {
  /** Read as of this revision. Throws ERR_COMPACTED or ERR_FUTURE_REVISION where that is not possible. */
  readonly revision?: Revision | undefined;
}

export const READ: Demands<ReadOptions> = { ...BARRIER, revision: whole(1) };

/**
 * Translates between a user's keys and values and those of one machine: a prefix that the user does not see, and a
 * codec. All that the façade does goes through here.
 */
export class Keyspace<Value> {
  readonly backend: KvBackend;
  readonly prefix: Key;
  readonly codec: ValueCodec<Value>;
  readonly #everything: KeyRange;
  readonly #number: WriteNumber | null;
  readonly #shared: { readonly version: KeyVersion; readonly entry: KvEntry<Value> }[] = [];

  constructor(backend: KvBackend, prefix: Key, codec: ValueCodec<Value>, number: WriteNumber | null = null) {
    this.backend = backend;
    this.prefix = prefix;
    this.codec = codec;
    this.#everything = keysWithPrefix(prefix);
    this.#number = number;
  }

  /** Whether what is written here is one write of a client session. */
  get isNumbered(): boolean {
    return this.#number !== null;
  }

  get clock(): Clock {
    return this.backend.clock;
  }

  /** The same, for one write of a client session. */
  numbered(number: WriteNumber): Keyspace<Value> {
    return new Keyspace(this.backend, this.prefix, this.codec, number);
  }

  /** The same behind a longer prefix, with another codec. */
  within<Inner>(prefix: Key, codec: ValueCodec<Inner>): Keyspace<Inner> {
    return new Keyspace(this.backend, this.prefix + prefix, codec, this.#number);
  }

  key(text: string): Key {
    if (text === "") {
      throw invalidArgument("key", text, "a key cannot be empty");
    }
    return this.prefix + toByteString(text, "key");
  }

  keyText(key: Key): string {
    return fromByteString(key.slice(this.prefix.length));
  }

  /** The keys within bounds that have been checked by name. Throws ERR_INVALID_ARGUMENT where they contradict each other. */
  range({ prefix, gt, gte, lt, lte, all }: Bounds): KeyRange {
    const bound = (text: string): Key => this.prefix + toByteString(text, "range");
    let range = this.#everything;
    const isBounded = (prefix ?? gt ?? gte ?? lt ?? lte) !== undefined;
    if (isBounded === (all === true)) throw unclearRange(all);
    if (prefix !== undefined) range = intersection(range, keysWithPrefix(bound(prefix)));
    if (gte !== undefined) range = intersection(range, { from: bound(gte), to: null });
    if (gt !== undefined) range = intersection(range, { from: `${bound(gt)}\0`, to: null });
    if (lt !== undefined) range = intersection(range, { from: "", to: bound(lt) });
    if (lte !== undefined) range = intersection(range, { from: "", to: `${bound(lte)}\0` });
    if (isEmptyRange(range)) throw emptyRange({ prefix, gt, gte, lt, lte });
    return range;
  }

  /** A key, or a range that `table` knows. */
  keyOrRange(given: string | Bounds, table: OptionTable<Bounds>): KeyRange {
    if (typeof given !== "object") return singleKey(this.key(given));
    table.check(given);
    return this.range(given);
  }

  /** The value, or what is chosen for one that cannot be decoded; undefined leaves it out. Throws ERR_DECODE. */
  value(version: KeyVersion, onDecodeError?: OnDecodeError): Value | undefined {
    try {
      return this.codec.decode(version.value);
    } catch (cause) {
      return this.#instead(version, cause, onDecodeError);
    }
  }

  /** A value of which no revision knows yet. Throws ERR_DECODE. */
  ownValue(key: string, encoded: string): Value {
    try {
      return this.codec.decode(encoded);
    } catch (cause) {
      throw undecodable(key, 0, cause);
    }
  }

  /** The entry, or undefined when its value cannot be decoded and is to be left out. Throws ERR_DECODE. */
  entry(version: KeyVersion): KvEntry<Value>;
  entry(version: KeyVersion, onDecodeError: OnDecodeError | undefined): KvEntry<Value> | undefined;
  entry(version: KeyVersion, onDecodeError?: OnDecodeError): KvEntry<Value> | undefined {
    let value: Value;
    try {
      value = this.codec.decode(version.value);
    } catch (cause) {
      const instead = this.#instead(version, cause, onDecodeError);
      if (instead === undefined) return undefined;
      value = instead;
    }
    return this.#entryOf(version, value);
  }

  /**
   * What an answer tells besides: never throws. If the value cannot be decoded, whoever reads `value` gets ERR_DECODE, with
   * what it means there: after a write, that the write took effect.
   */
  entryBeside(version: KeyVersion, outcome: "none" | "done"): KvEntry<Value> {
    try {
      return this.#entryOf(version, this.codec.decode(version.value));
    } catch (cause) {
      const error = undecodable(this.keyText(version.key), version.modRevision, cause, outcome);
      const get = (): never => {
        throw error;
      };
      return Object.defineProperty(this.#entryOf(version, undefined as Value), "value", {
        get,
        enumerable: true,
      });
    }
  }

  #entryOf(version: KeyVersion, value: Value): KvEntry<Value> {
    const { createRevision, modRevision, lease } = version;
    const key = this.keyText(version.key);
    const entry = { key, value, createRevision, modRevision, version: version.version };
    return lease === NO_LEASE ? entry : { ...entry, lease: fromByteString(lease) };
  }

  #instead(
    { key, value, modRevision }: KeyVersion,
    cause: unknown,
    onDecodeError: OnDecodeError | undefined,
  ) {
    const text = this.keyText(key);
    const error = undecodable(text, modRevision, cause);
    const broken = { key: text, revision: modRevision, bytes: latin1Bytes(value), error };
    return insteadOf(broken, onDecodeError) as Value | undefined;
  }

  /**
   * The same as `entry`, for watches: one that is asked for again while it is remembered is the same object, and frozen,
   * since all who watch see it. Values that a program could change are decoded for each.
   */
  sharedEntry(version: KeyVersion, onDecodeError: OnDecodeError | undefined): KvEntry<Value> | undefined {
    if (!this.codec.isImmutable) return this.entry(version, onDecodeError);
    const place = (version.modRevision + version.sub) % SHARED_ENTRIES;
    const known = this.#shared[place];
    if (known !== undefined && known.version === version) return known.entry;
    const entry = Object.freeze(this.entry(version));
    this.#shared[place] = { version, entry };
    return entry;
  }

  /** An entry in the answer of a write that has taken effect: see `entryBeside`. */
  writtenEntry(version: KeyVersion): KvEntry<Value> {
    return this.entryBeside(version, "done");
  }

  maybeWrittenEntry(version: KeyVersion | null | undefined): KvEntry<Value> | undefined {
    return version === null || version === undefined ? undefined : this.writtenEntry(version);
  }

  /** What was deleted, after it was asked for. */
  deletedEntries(deleted: Deleted): KvEntry<Value>[] {
    assert(Array.isArray(deleted), "what was deleted is told when it is asked for");
    return (deleted as readonly KeyVersion[]).map((version) => this.writtenEntry(version));
  }

  /** Has a command agreed on, and gives its result; what the machine refuses is thrown. */
  async propose<Kind extends Exclude<BackendResult["kind"], "refused">>(
    command: Command,
    kind: Kind,
    options: ProposeOptions = {},
  ): Promise<Extract<BackendResult, { kind: Kind }>> {
    return this.accepted(await this.send(command, options), kind);
  }

  /** Has a command agreed on, and gives what the machine says, which may be a refusal: see `accepted`. */
  send(command: Command, options: ProposeOptions = {}): Promise<BackendResult> {
    return this.backend.propose(this.#numbered(command), options);
  }

  /** The result of a command; throws what is a refusal. */
  accepted<Kind extends Exclude<BackendResult["kind"], "refused">>(
    result: BackendResult,
    kind: Kind,
  ): Extract<BackendResult, { kind: Kind }> {
    if (result.kind === "refused") throw this.refusal(result);
    assert(result.kind === kind, "each command has its kind of result");
    return result as Extract<BackendResult, { kind: Kind }>;
  }

  /** What the machine refused, in the words of its caller. */
  refusal({ code, message, details }: Refused): QuorateError {
    const key = "key" in details ? { key: this.keyText(details.key) } : {};
    const lease = "lease" in details ? { lease: fromByteString(details.lease) } : {};
    const outcome = UNKNOWN_OUTCOMES.has(code) ? "unknown" : "none";
    return new QuorateError(code, message, { ...details, ...key, ...lease }, { outcome });
  }

  #numbered(command: Command): Command {
    if (this.#number === null) return command;
    return { kind: "session-write", ...this.#number, write: encodeCommand(command) };
  }
}

function unclearRange(all: true | undefined): QuorateError {
  const message =
    all === true
      ? "all: true means every key, so it takes no bounds"
      : "a range needs a bound (prefix, gt, gte, lt, lte), or all: true for every key";
  return invalidArgument("range", undefined, message);
}

function emptyRange(bounds: { readonly [Name in BoundName]: string | undefined }): QuorateError {
  const given = Object.entries(bounds).filter(([, text]) => text !== undefined);
  const names = given.map(([name, text]) => `${name} ${JSON.stringify(text)}`).join(" and ");
  return invalidArgument("range", Object.fromEntries(given), `no key can be within ${names}`);
}

/** Entries that a view remembers for its watches: about what one batch of commands brings. */
const SHARED_ENTRIES = 256;

/** Refusals that leave open what became of the write: it may have taken effect before. */
const UNKNOWN_OUTCOMES: ReadonlySet<ErrorCode> = new Set(["ERR_SESSION_EXPIRED", "ERR_ANSWER_FORGOTTEN"]);

/** Which write of which client session. */
export interface WriteNumber {
  readonly session: SessionId;
  readonly number: number;
}

/** Throws ERR_INVALID_ARGUMENT for what no revision can be. */
export function checkRevisionNumber(revision: Revision): void {
  if (Number.isSafeInteger(revision) && revision >= 1) return;
  throw invalidArgument("revision", revision, "revision must be a whole number above 0");
}

export function compacted(revision: Revision, compactRevision: Revision): QuorateError {
  const details = { revision, compactRevision };
  return new QuorateError("ERR_COMPACTED", `revision ${revision} was compacted away`, details);
}
