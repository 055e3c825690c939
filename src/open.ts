import { systemClock } from "./base/clock.ts";
import { defined, type Overrides } from "./base/defaults.ts";
import { invalidArgument } from "./base/errors.ts";
import { type MemoryBudget, memoryBudget } from "./base/memory-budget.ts";
import { MemoryGauge, memoryLimits } from "./base/node-memory.ts";
import {
  type Demands,
  definite,
  demand,
  flag,
  having,
  isPlainObject,
  milliseconds,
  nested,
  OptionTable,
  oneOf,
  required,
  text,
} from "./base/options.ts";
import { Random } from "./base/random.ts";
import { exact } from "./base/surplus.ts";
import { publishEvents } from "./diagnostics.ts";
import { KV_LIMITS, type KvLimits, kvLimits, QUOTA_BYTES } from "./kv/kv-context.ts";
import { KvMachine } from "./kv/machine/kv-machine.ts";
import { type CodecValue, type ValuesOption, valueCodec, valuesOption } from "./kv/value-codec.ts";
import { chooseQuota, limitsFor, segmentBytesFor, warnOfMemory } from "./memory.ts";
import type { OnApplyError } from "./replica/apply/execution.ts";
import { type CommandCodecName, commandCodec, commandCodecOption } from "./replica/calls/command-codec.ts";
import { BYTE_COMMANDS } from "./replica/checked-codec.ts";
import { REPLICA_LIMITS, type ReplicaLimits } from "./replica/options.ts";
import { Replica } from "./replica/replica.ts";
import type { Codec, StateMachine } from "./replica/state-machine.ts";
import type { OnCorruption } from "./storage/disk/disk-opening.ts";
import { DiskStorage } from "./storage/disk/disk-storage.ts";
import { NodeFiles } from "./storage/files/node-files.ts";
import { MemoryStorage } from "./storage/memory-storage.ts";
import type { Storage } from "./storage/storage.ts";
import { Store } from "./store.ts";
import { MemoryNetwork } from "./transport/memory-transport.ts";
import type { Transport } from "./transport/transport.ts";

/** Who this member is, where it keeps its state, and how it reaches the others. */
export interface MemberOptions {
  /** The directory for this member's state, made where needed. Without it the state is gone when the process ends. */
  readonly dir?: string;
  /** This member's name, the same at every start. */
  readonly name?: string | undefined;
  /**
   * Name and address (`host:port`) of every member, this one included. A list of names is enough for a transport that
   * needs no addresses, such as a `MemoryNetwork`'s. Without it the member is alone.
   */
  readonly peers?: Readonly<Record<string, string>> | readonly string[];
  /** Tells clusters apart whose members have the same names. */
  readonly clusterName?: string | undefined;
  /** The ticket of a member that was added to a running cluster; it takes the place of `peers`. */
  readonly join?: string;
  /** How members reach each other; TCP by default. */
  readonly transport?: Transport;
  /** Where the state is kept, in place of `dir`. */
  readonly storage?: Storage;
  /**
   * What becomes of a damaged directory. `refuse`, the default: `open` throws ERR_CORRUPT. `repair-from-peers`: the member
   * keeps what is proved, sets the rest aside in `damaged/`, and takes part without a vote until its peers have sent what it
   * lost: see the events `repairing` and `repaired`. A member without peers always refuses.
   */
  readonly onCorruption?: OnCorruption | undefined;
  /**
   * How long to wait, in milliseconds, for the process that has `dir` open to let go of it, as when its successor is started
   * before it is stopped. Default 0: `open` rejects with ERR_LOCKED at once.
   */
  readonly lockTimeoutMs?: number | undefined;
  /**
   * Whether reads may ask for `consistency: "lease"`, which rests on clocks. The same on every member; it lengthens the time
   * without a leader after one has fallen. Default false.
   */
  readonly leaseReads?: boolean | undefined;
  readonly limits?: Overrides<ReplicaLimits> | undefined;
}

const MEMBER: Demands<MemberOptions> = {
  dir: definite(demand("the path of a directory", text.isMet)),
  name: text,
  peers: definite(demand("an object with an address for each name, or a list of names", isPeers)),
  clusterName: text,
  join: definite(text),
  transport: definite(having<Transport>("a transport", "start", "setPeers", "send", "close")),
  storage: definite(having<Storage>("a storage", "open", "save", "close")),
  onCorruption: oneOf("refuse", "repair-from-peers"),
  leaseReads: flag,
  lockTimeoutMs: milliseconds,
  limits: nested(REPLICA_LIMITS),
};

export interface OpenOptions<Values extends ValuesOption = "utf8"> extends MemberOptions, KvLimits {
  /** What values are: `utf8` text, `binary`, `json`, `msgpack`, or a codec of your own. */
  readonly values?: Values | undefined;
}

const OPEN_OPTIONS = new OptionTable<OpenOptions<ValuesOption>>("open", {
  ...MEMBER,
  ...KV_LIMITS,
  values: valuesOption,
});

export interface CreateReplicaOptions<Command, Result, Query, Answer> extends MemberOptions {
  readonly machine: StateMachine<Command, Result, Query, Answer>;
  /** How commands become bytes; `json` by default. */
  readonly codec?: Codec<Command> | CommandCodecName | undefined;
  /**
   * What happens when the machine throws at a command. `stop`, the default: the member stops with ERR_APPLY. `report`: the
   * call that proposed it fails with ERR_APPLY, outcome `none`, and every member goes on; the machine must leave its state
   * as it was when it throws, and throw at the same commands everywhere. The same on every member.
   */
  readonly onApplyError?: OnApplyError | undefined;
}

type AnyReplicaOptions = CreateReplicaOptions<unknown, unknown, unknown, unknown>;

const REPLICA_OPTIONS = new OptionTable<AnyReplicaOptions>("createReplica", {
  ...MEMBER,
  machine: required(
    demand("a state machine with apply, query, snapshot, restore, and a kind that is text", isMachine),
  ),
  codec: commandCodecOption,
  onApplyError: oneOf("stop", "report"),
});

/**
 * Opens a store: a member of a cluster with its own directory, or a lone one. Resolves when the member is listening;
 * wait for `ready` to know that somebody leads.
 *
 * Throws ERR_INVALID_ARGUMENT, ERR_LOCKED, ERR_FOREIGN_DIRECTORY, ERR_IDENTITY_MISMATCH, ERR_INCOMPATIBLE, ERR_CORRUPT, ERR_DISK, ERR_LISTEN.
 *
 * @example
 * ```ts
 * import { open } from "quorate";
 *
 * const store = await open({ dir: "./data/n1" });
 * await store.put("colour", "blue");
 * console.log(await store.get("colour")); // → blue
 * await store.close();
 * ```
 */
export const open = exact("open", 1, async function open<
  Values extends ValuesOption = "utf8",
>(directoryOrOptions: string | OpenOptions<Values>): Promise<Store<CodecValue<Values>>> {
  const options: OpenOptions<Values> =
    typeof directoryOrOptions === "string" ? { dir: directoryOrOptions } : directoryOrOptions;
  OPEN_OPTIONS.check(options);
  const { values, quotaBytes, historyRevisions, ...member } = options;
  const codec = valueCodec((values ?? "utf8") as Values);
  const asked = kvLimits({ quotaBytes, historyRevisions });
  const choice = chooseQuota(quotaBytes === undefined ? undefined : asked.quotaBytes, QUOTA_BYTES);
  warnOfMemory(choice.warning);
  const machine = new KvMachine();
  const replica = await Replica.open({ ...(await memberParts(member)), machine, codec: BYTE_COMMANDS });
  const limits = { ...asked, quotaBytes: choice.quotaBytes };
  return new Store(replica, machine, codec, limits, new MemoryGauge());
});

/** Starts a member that replicates a state machine of your own. Throws what `open` throws. */
export const createReplica = exact("createReplica", 1, async function createReplica<
  Command,
  Result,
  Query = void,
  Answer = unknown,
>(options: CreateReplicaOptions<Command, Result, Query, Answer>): Promise<
  Replica<Command, Result, Query, Answer>
> {
  REPLICA_OPTIONS.check(options);
  const { machine, codec = "json", onApplyError, ...member } = options;
  const parts = await memberParts(member);
  const replica = await Replica.open({ ...parts, machine, codec: commandCodec(codec), onApplyError });
  publishEvents(replica);
  return replica;
});

function isMachine(value: unknown): value is AnyReplicaOptions["machine"] {
  const methods = having<AnyReplicaOptions["machine"]>("", "apply", "query", "snapshot", "restore");
  return methods.isMet(value) && ["undefined", "string"].includes(typeof value.kind);
}

const LONE_NAME = "member";

/** The disk, the network and the clock that the options ask for. */
async function memberParts(options: MemberOptions) {
  checkTogether(options);
  const { dir, peers, name = LONE_NAME, clusterName: cluster, join, leaseReads } = options;
  const budget = memoryBudget(memoryLimits());
  const isAlone = peers === undefined && join === undefined;
  return {
    name,
    peers: isAlone ? { [name]: "" } : addressesOf(peers ?? {}),
    cluster,
    join,
    limits: { ...limitsFor(budget), ...defined(options.limits ?? {}) },
    leaseReads,
    storage: options.storage ?? (dir === undefined ? memoryStorage() : diskStorage(dir, options, budget)),
    transport: options.transport ?? (await defaultTransport(isAlone)),
    clock: systemClock,
    random: new Random(crypto.getRandomValues(new Uint32Array(1))[0]!),
  };
}

function diskStorage(
  dir: string,
  { onCorruption = "refuse", join, peers = {}, lockTimeoutMs }: MemberOptions,
  budget: MemoryBudget,
): Storage {
  const hasPeers = join !== undefined || Object.keys(addressesOf(peers)).length > 1;
  return new DiskStorage(new NodeFiles(dir, { lockTimeoutMs }), {
    onCorruption: hasPeers ? onCorruption : "refuse",
    segmentBytes: segmentBytesFor(budget),
  });
}

function isPeers(value: unknown): value is NonNullable<MemberOptions["peers"]> {
  if (Array.isArray(value)) return value.every(text.isMet) && new Set(value).size === value.length;
  return isPlainObject(value) && Object.values(value).every((address) => typeof address === "string");
}

/** The address of each peer: the empty one where only names are given. */
function addressesOf(peers: NonNullable<MemberOptions["peers"]>): Readonly<Record<string, string>> {
  if (!Array.isArray(peers)) return peers as Readonly<Record<string, string>>;
  return Object.fromEntries(peers.map((name) => [name, ""]));
}

/** What excludes or needs each other. */
function checkTogether({ dir, storage, peers, name, join, transport }: MemberOptions): void {
  if (dir !== undefined && storage !== undefined)
    throw invalidArgument("storage", storage, "dir and storage exclude each other");
  if (Array.isArray(peers) && transport === undefined)
    throw invalidArgument(
      "peers",
      peers,
      "peers needs an address for each name, which TCP, the default transport, dials",
    );
  if (join !== undefined && peers !== undefined)
    throw invalidArgument("join", join, "join and peers exclude each other");
  if (name === undefined && peers !== undefined)
    throw invalidArgument("name", name, "name must say which of the peers this member is");
  if (name === undefined && join !== undefined)
    throw invalidArgument("name", name, "name must be the one that was added");
}

/** Each one is another store: a member that has forgotten what it promised must not pass for the one that promised. */
function memoryStorage(): Storage {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return new MemoryStorage({ storeId: Buffer.from(bytes).toString("hex") });
}

/** A lone member needs no network, and its program should not have to load one. */
async function defaultTransport(isAlone: boolean): Promise<Transport> {
  if (isAlone) return new MemoryNetwork().transport();
  const { tcp } = await import("./transport/tcp/tcp-transport.ts");
  return tcp();
}
