import type { Done } from "../../src/base/callback.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import type { Index } from "../../src/log/entry.ts";
import type { Save } from "../../src/raft/effects.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import type { ReplicaLimits, ReplicaOptions } from "../../src/replica/options.ts";
import { Replica } from "../../src/replica/replica.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import type {
  Identity,
  Recovered,
  Snapshot,
  SnapshotReader,
  SnapshotWriter,
  Storage,
} from "../../src/storage/storage.ts";
import { MemoryNetwork, type NetworkFaults } from "../../src/transport/memory-transport.ts";
import { type Add, Counter } from "./counter.ts";

export type CounterReplica = Replica<Add, number, void, number>;

const FAST: Partial<ReplicaLimits> = { tickMs: 10, electionTicks: 10, callTimeoutMs: 20_000 };

type MemberOptions = Pick<ReplicaOptions<Add, number, void, number>, "onApplyError" | "firstSequence">;

/** Members in one process, on memory disks and a memory network, with the real clock running fast. */
export class TestCluster {
  readonly disks = new Map<string, StallingStorage>();
  readonly names: readonly string[];
  readonly network: MemoryNetwork;
  readonly #limits: Partial<ReplicaLimits>;
  readonly #storages = new Map<string, Storage>();
  #storesMade = 0;
  readonly members = new Map<string, CounterReplica>();
  readonly machines = new Map<string, Counter>();
  /** The clock of a member that is started from now on. */
  clockOf: (name: string) => Clock = () => systemClock;
  /** Of the members that are started from now on. */
  options: MemberOptions;
  readonly #makeMachine: () => Counter;

  constructor(
    size: number,
    faults: Partial<NetworkFaults> = {},
    limits: Partial<ReplicaLimits> = {},
    makeMachine = () => new Counter(),
    options: MemberOptions = {},
  ) {
    this.options = options;
    this.#makeMachine = makeMachine;
    this.names = Array.from({ length: size }, (_, at) => `n${at + 1}`);
    this.network = new MemoryNetwork({ random: new Random(7), faults });
    this.#limits = { ...FAST, ...limits };
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
    await Promise.all([...this.members.values()].map((member) => member.ready()));
  }

  /** Starts a member: one of the first, or one that was added, with its ticket. */
  async start(name: string, join?: string): Promise<CounterReplica> {
    const storage = this.#storages.get(name) ?? this.#newStorage();
    this.#storages.set(name, storage);
    const machine = this.#makeMachine();
    const member = await Replica.open<Add, number, void, number>({
      name,
      peers: Object.fromEntries(this.names.map((peer) => [peer, ""])),
      join,
      machine,
      codec: commandCodec<Add>("json"),
      storage: this.#disk(name, storage),
      transport: this.network.transport(),
      clock: this.clockOf(name),
      random: new Random(this.names.indexOf(name) + 1),
      limits: this.#limits,
      ...this.options,
    });
    this.machines.set(name, machine);
    this.members.set(name, member);
    return member;
  }

  /** Has the member's next start use this storage. */
  use(name: string, storage: Storage): void {
    this.#storages.set(name, storage);
  }

  /** Puts an empty disk in place of the member's. */
  wipe(name: string): void {
    this.#storages.delete(name);
  }

  #disk(name: string, storage: Storage): StallingStorage {
    const disk = new StallingStorage(storage);
    this.disks.set(name, disk);
    return disk;
  }

  #newStorage(): MemoryStorage {
    this.#storesMade += 1;
    return new MemoryStorage({ storeId: String(this.#storesMade).padStart(32, "0") });
  }

  get all(): CounterReplica[] {
    return [...this.members.values()];
  }

  get leader(): CounterReplica {
    const leader = this.all.find((member) => member.isLeader);
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  get followers(): CounterReplica[] {
    return this.all.filter((member) => !member.isLeader);
  }

  /** Cuts a member off from every other. */
  isolate(name: string): void {
    for (const other of this.names) if (other !== name) this.network.cut(name, other);
  }

  async stop(name: string): Promise<void> {
    await this.members.get(name)?.close();
    this.members.delete(name);
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.all.map((member) => member.close()));
  }
}

/** A storage whose disk can be made to stand still: what is saved meanwhile waits. */
export class StallingStorage implements Storage {
  readonly #storage: Storage;
  #waiting: (() => void)[] | null = null;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Stands for a disk without room: what is saved is kept all the same. */
  isFull = false;

  stall(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const save of waiting) save();
  }

  open(identity: Identity): Recovered {
    return this.#storage.open(identity);
  }

  save(step: Save, done: Done): void {
    if (this.#waiting === null) this.#storage.save(step, done);
    else this.#waiting.push(() => this.#storage.save(step, done));
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    return this.#storage.createSnapshot(snapshot);
  }

  openSnapshot(): SnapshotReader | undefined {
    return this.#storage.openSnapshot();
  }

  compactTo(index: Index): void {
    this.#storage.compactTo(index);
  }

  close(done: Done): void {
    this.#storage.close(done);
  }
}

/** Waits, for a bounded time, until the claim holds. */
export async function until(claim: () => boolean, what: string, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Why a change of membership was refused. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  return QuorateError.is(error, "ERR_MEMBERSHIP") ? error.details.reason : String(error);
}
