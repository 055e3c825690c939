import type { Clock } from "../../../base/clock.ts";
import { QuorateError } from "../../../base/errors.ts";
import type { MemberId, Term } from "../../../log/entry.ts";
import type { Save } from "../../../raft/effects.ts";
import type { Raft } from "../../../raft/raft.ts";
import type { CommandRandom as MachineChance } from "../../../replica/command-random.ts";
import { Member } from "../../../replica/member.ts";
import { DiskStorage } from "../../../storage/disk/disk-storage.ts";
import type { MemoryFiles } from "../../../storage/files/memory-files.ts";
import type { Identity, Recovered, Snapshot } from "../../../storage/storage.ts";
import type { MemberNumber } from "../../scenario.ts";
import type { RandomStream } from "../chance/random-streams.ts";
import type { Micros } from "../chance/schedule.ts";
import type { SimSystem } from "../run/sim-system.ts";
import type { StopKind } from "../seen/sim-event.ts";
import type { Crewmates } from "../world/crewmates.ts";
import { Gate } from "../world/gate.ts";
import type { MemberClocks } from "../world/member-clocks.ts";
import type { SimDisk } from "../world/sim-disk.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { Call } from "../world/sim-member.ts";
import { CoreWatch } from "./core-watch.ts";
import { FullCalls } from "./full-calls.ts";
import { type FullFrame, fullFrame } from "./full-frame.ts";
import { ObservedMachine, type Placed, type Tagged, taggedCodec } from "./observed-machine.ts";
import { ObservedStorage } from "./observed-storage.ts";
import { SimTransport } from "./sim-transport.ts";

/** What a process has of the member that it is, and tells it. */
export interface ProcessHome {
  readonly number: MemberNumber;
  readonly name: string;
  readonly id: MemberId;
  /** The last term in which entries were given up by a repair of the directory. */
  readonly lostTerm: Term | undefined;
  /** Counts the member's processes from 1; this one included. */
  readonly starts: number;
  readonly ticket: string | null;
  readonly mates: Crewmates;
  readonly disk: SimDisk;
  readonly diskChance: RandomStream;
  readonly clocks: MemberClocks;
  /** As the machine's own, for whoever looks on: what one draws the other does not miss. */
  readonly machineChance: MachineChance;
  mintStoreId(): string;
  identified(identity: Identity): void;
  /** Its directory was damaged, and has been repaired: entries of this term may be missing. */
  repaired(lostTerm: Term | undefined): void;
  /** What it saved is on the disk. */
  saved(): void;
  /** It cannot go on, and is to be ended. */
  failed(code: string, reason: string): void;
}

/** Limits of the storage, small enough for a run to meet them. */
export const STORAGE_LIMITS = {
  segmentBytes: 16_384,
  batchBytesMax: 4_096,
  chunkBytesMax: 1_024,
  reserveBytes: 8_192,
};

/** How long the first bytes of a snapshot may wait for the disk. */
const SNAPSHOT_PAUSES_MS = [0, 20, 200];
const CALL_TIMEOUT_MS = 3_000;

/** One process of a member: from its start until it ends, in whatever way. */
export class FullProcess<Command, Result, Query, Answer> {
  readonly transport: SimTransport;
  readonly #host: SimHost<FullFrame>;
  readonly #system: SimSystem<Command, Result, Query, Answer>;
  readonly #home: ProcessHome;
  readonly #gate = new Gate();
  readonly #clock: Clock;
  readonly #files: MemoryFiles;
  readonly #machine: ObservedMachine<Command, Result, Query, Answer>;
  readonly #watch: CoreWatch;
  readonly #calls: FullCalls<Command, Result, Query, Answer>;
  #member: Member<Tagged<Command>, Placed<Result>, Query, Answer> | null = null;
  #lastDiskEnd: Micros = 0;

  constructor(
    host: SimHost<FullFrame>,
    system: SimSystem<Command, Result, Query, Answer>,
    home: ProcessHome,
  ) {
    this.#host = host;
    this.#system = system;
    this.#home = home;
    this.#clock = this.#watchedClock(home.clocks.ofProcess(this.#gate));
    this.#files = home.disk.open(this.#diskClock());
    this.transport = new SimTransport({
      send: (to, bytes) => this.#send(to, bytes),
      soon: this.#clock.soon,
      peersChanged: () => home.mates.review(),
    });
    this.#machine = this.#observedMachine();
    const hasLeases = host.scenario.cluster.member?.leaseReads === true;
    this.#calls = new FullCalls(system, hasLeases, (call, ending) => host.returned(call, home.id, ending));
    const lookAtState = (index: number) => this.#machine.look(index);
    const core = () => this.core;
    this.#watch = new CoreWatch(host, {
      id: home.id,
      get core() {
        return core();
      },
      lookAtState,
    });
  }

  /** Null until the member is open, and when it has ended: what it thinks in the rest of that turn is nobody's affair. */
  get core(): Raft | null {
    return this.#gate.isOver ? null : (this.#member?.core ?? null);
  }

  get hasLease(): boolean {
    return !this.isPaused && this.core !== null && this.#member!.hasLease;
  }

  get isPaused(): boolean {
    return this.#gate.isPaused;
  }

  get members(): Member<never, never, never, never>["cluster"]["members"] {
    return this.#member?.cluster.members ?? [];
  }

  open(): void {
    const { name, ticket, mates, starts, number } = this.#home;
    const founders = Object.fromEntries(mates.founders.map((founder) => [founder, founder]));
    const { cluster } = this.#host.scenario;
    const { tickMs, electionTicks, snapshotEntries, trailingEntries, member: plan = {} } = cluster;
    const { leaseReads = false, checkpointEntries } = plan;
    const limits = {
      tickMs,
      electionTicks,
      snapshotEntries,
      trailingEntries,
      callTimeoutMs: CALL_TIMEOUT_MS,
    };
    const options = {
      name,
      peers: ticket === null ? founders : {},
      ...(ticket === null ? {} : { join: ticket }),
      machine: this.#machine,
      codec: taggedCodec(this.#system.codec),
      storage: this.#observedStorage(),
      transport: this.transport,
      clock: this.#clock,
      random: this.#host.chance.random("member", number, starts),
      limits: { ...limits, ...(checkpointEntries === undefined ? {} : { checkpointEntries }) },
      leaseReads,
    };
    try {
      Member.open(options, (error, member) => {
        if (this.#gate.isOver) return;
        if (error === null) this.#begun(member!);
        else this.#failed(error);
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Nothing that it does comes to pass any more. Its callers do not learn what became of their calls. */
  end(how: StopKind, reason?: string): void {
    this.#gate.end();
    this.#files.halt();
    const told = reason === undefined ? {} : { reason };
    this.#host.emit({ kind: "stopped", ...this.#here, how, ...told });
    this.#calls.end();
  }

  pause(): void {
    this.#gate.pause();
  }

  resume(): void {
    this.#gate.resume();
  }

  /** What keeps its machine from being at rest, or null. */
  unrest(): string | null {
    return this.#system.unrest?.(this.#machine.machine) ?? null;
  }

  /** A frame that somebody else has sent in a member's name. */
  receiveForged(from: string, { bytes }: FullFrame): void {
    this.#gate.run(() => {
      // After a pause more has come: what was there before the frame is not its doing.
      this.#host.drain();
      const before = this.#fate();
      this.transport.receive(from, bytes.slice());
      this.#host.drain();
      this.#host.emit({ kind: "stranger-heard", ...this.#here, before, after: this.#fate() });
    });
  }

  /** What a message may change in a core. */
  #fate(): object {
    if (this.core === null) return { is: "over" };
    const { role, term, leader, log } = this.core;
    return { role, term, leader, last: log.last, committed: log.committed };
  }

  receive(from: string, { id, message, bytes }: FullFrame): void {
    this.#gate.run(() => {
      if (message !== null) this.#host.emit({ kind: "received", ...this.#here, message, id });
      // Each arrival has memory of its own: a member may write into what it was given.
      this.transport.receive(from, bytes.slice());
      this.#host.drain();
    });
  }

  connected(name: string): void {
    this.#gate.run(() => this.transport.connected(name));
  }

  disconnected(name: string): void {
    this.#gate.run(() => this.transport.disconnected(name));
  }

  call(call: Call): void {
    this.#calls.begin(call, this.isPaused ? null : this.#member);
  }

  /** What its machine answers as it is now; null while there is none, and to what is no query. */
  look(operation: unknown): { readonly answer: Answer } | null {
    const input = this.#system.read(operation);
    return this.#member === null || "command" in input ? null : { answer: this.#member.ask(input.query) };
  }

  /** Asks the member for something, as an operator would. */
  ask(deed: (member: Member<Tagged<Command>, Placed<Result>, Query, Answer>) => unknown): void {
    this.#gate.run(() => {
      if (this.#member === null) return;
      try {
        deed(this.#member);
      } catch (error) {
        if (!QuorateError.is(error)) throw error; // What makes no sense at the moment is refused, and does nothing.
      }
    });
  }

  get #here() {
    return { at: this.#host.schedule.now, member: this.#home.id };
  }

  /** Whatever a process does by its clock, its core is looked at afterwards. */
  #watchedClock(clock: Clock): Clock {
    const watched = (run: () => void) => (): void => {
      run();
      this.#watch.look();
    };
    return {
      ...clock,
      after: (ms, run) => clock.after(ms, watched(run)),
      soon: (run) => clock.soon(watched(run)),
    };
  }

  /** Calls of the disk end one after the other, each after its time. */
  #diskClock(): Clock {
    const { disk, diskChance } = this.#home;
    const { delayMsMin, delayMsMax } = this.#host.scenario.disk;
    const { schedule } = this.#host;
    return {
      ...this.#clock,
      soon: (run) => {
        const delayMs = delayMsMin + diskChance.fraction() * (delayMsMax - delayMsMin) + disk.slowMs;
        this.#lastDiskEnd = Math.max(schedule.now + Math.round(delayMs * 1000), this.#lastDiskEnd);
        schedule.at(this.#lastDiskEnd, () =>
          this.#gate.run(() => {
            run();
            this.#watch.look();
          }),
        );
      },
    };
  }

  #observedMachine(): ObservedMachine<Command, Result, Query, Answer> {
    const { machineChance } = this.#home;
    return new ObservedMachine(this.#system.makeMachine(), {
      executed: ({ index, term, time, command: { operation, command } }, result) => {
        const applied = { index, term, time, command, random: machineChance.at(index) };
        this.#host.emit({ kind: "executed", ...this.#here, operation, applied, result });
      },
      state: (index, hash, bytes) =>
        this.#host.emit({ kind: "state", ...this.#here, index, hash, bytes, ...this.#view() }),
    });
  }

  /** What the machine shows, if it is of those that show something. */
  #view(): { readonly view?: unknown } {
    const { view } = this.#system;
    return view === undefined ? {} : { view: view(this.#machine.machine) };
  }

  #observedStorage(): ObservedStorage {
    const { mintStoreId } = this.#home;
    const { onCorruption = "refuse" } = this.#host.scenario.cluster.member ?? {};
    const options = { ...STORAGE_LIMITS, mintStoreId, clock: this.#clock, onCorruption };
    const disk = new DiskStorage(this.#files, options);
    return new ObservedStorage(disk, {
      opened: (recovered) => this.#opened(recovered),
      saving: (save) => this.#saving(save),
      saved: (save) => {
        this.#host.emit({ kind: "saved", ...this.#here, save });
        this.#home.saved();
      },
      saveFailed: (reason) => this.#host.emit({ kind: "save-failed", ...this.#here, reason }),
      snapshotBegun: (snapshot) => this.#snapshotBegun(snapshot),
      snapshotKept: ({ metadata: snapshot }) =>
        this.#host.emit({ kind: "snapshot-taken", ...this.#here, snapshot }),
      pause: (run) => this.#clock.after(this.#home.diskChance.pick(SNAPSHOT_PAUSES_MS), run),
      identified: (identity) => this.#home.identified(identity),
    });
  }

  #opened({ hardState, snapshot, entries, lostTerm, damage }: Recovered): void {
    // The start that repaired it may have ended before it had found anything.
    if (damage !== undefined || (lostTerm !== undefined && lostTerm !== this.#home.lostTerm)) {
      this.#home.repaired(lostTerm);
      this.#host.emit({ kind: "repaired", ...this.#here });
    }
    const recovered = { hardState, snapshot: snapshot?.metadata, entries };
    this.#host.emit({ kind: "started", ...this.#here, start: this.#home.starts, recovered });
  }

  #saving(save: Save): void {
    this.#watch.lookAtRole();
    if (save.snapshot !== undefined) this.#watch.restoring(save.snapshot);
    this.#host.emit({ kind: "saving", ...this.#here, save, cause: undefined });
  }

  /** The state is looked at when a snapshot of it begins, to be compared with the state of whoever is sent it. */
  #snapshotBegun({ metadata: { index } }: Snapshot): void {
    if (index === this.core?.log.applied) this.#machine.look(index);
  }

  #begun(member: Member<Tagged<Command>, Placed<Result>, Query, Answer>): void {
    this.#member = member;
    this.#watch.begin(member.core);
    member.on("error", (error) => this.#failed(error));
    this.#attend(member);
    this.#home.mates.review();
    this.#watch.look();
  }

  /** Begins what a member does for its machine beside the calls of clients. */
  #attend(member: Member<Tagged<Command>, Placed<Result>, Query, Answer>): void {
    this.#system.attend?.(this.#machine.machine, {
      id: member.id,
      clock: this.#clock,
      get isLeader() {
        return member.isLeader;
      },
      propose: (command, settled) => {
        try {
          member.propose({ operation: 0, command }, {}, () => settled());
        } catch (error) {
          if (!QuorateError.is(error)) throw error;
          settled();
        }
      },
      note: (note) => this.#host.emit({ kind: "noted", ...this.#here, note }),
      on: (_event, listener) => void member.on("role", listener),
      off: (_event, listener) => void member.off("role", listener),
    });
  }

  #send(to: string, bytes: Uint8Array): void {
    const mate = this.#home.mates.byName(to);
    const frame = fullFrame(this.#host.nextFrame(), bytes);
    const { message, id } = frame;
    if (message !== null) {
      this.#watch.lookAtRole();
      this.#host.emit({ kind: "sent", ...this.#here, message, id });
    }
    if (mate !== undefined) this.#host.send(this.#home.number, mate.number, frame);
  }

  #failed(error: unknown): void {
    // It may stop in the middle of a turn. What it has committed by then is committed.
    this.#watch.lookAtCommit();
    const code = QuorateError.is(error) ? error.code : "crash";
    const reason = error instanceof Error ? `${code}: ${error.message}` : String(error);
    this.#home.failed(code, reason);
  }
}
