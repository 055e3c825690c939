import { createHash } from "node:crypto";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { invalidArgument, QuorateError } from "../../base/errors.ts";
import { describe, having } from "../../base/options.ts";
import type { Command } from "../../kv/machine/command.ts";
import type { KvMachine } from "../../kv/machine/kv-machine.ts";
import type { KvResult } from "../../kv/machine/result.ts";
import type { Revision } from "../../kv/mvcc/key-history.ts";
import type { CallOptions } from "../../replica/calls/call.ts";
import type { ReplicaEvents } from "../../replica/events.ts";
import type { Store } from "../../store.ts";
import { partsOf, type StoreParts } from "../../store.ts";
import type { ResponseHeader } from "../../wire/header.ts";
import { refusal } from "../../wire/status.ts";
import type { EtcdSettings } from "../options.ts";
import { AuthGate } from "./auth-gate.ts";
import { errorOf } from "./throw-refused.ts";

/** What the front needs of a store, whatever its values are. */
export interface ServedStore extends Pick<Store<never>, "cluster" | "status" | "metrics" | "backup"> {
  on<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): unknown;
  off<Event extends keyof ReplicaEvents>(event: Event, listener: ReplicaEvents[Event]): unknown;
}

const SERVED = having<ServedStore>("a store", "status", "metrics", "backup", "on", "off");

/** Throws ERR_INVALID_ARGUMENT for what is not a whole store with its member, and ERR_CLOSED for one that has ended. */
export function checkServed(store: unknown): asserts store is ServedStore {
  if (!SERVED.isMet(store) || partsOf(store) === undefined || typeof store.cluster !== "object") {
    const message = `serveEtcd serves a whole store, as open gives it, not ${describe(store)}`;
    throw invalidArgument("store", undefined, message);
  }
  const { state } = store.status();
  if (state === "open" || state === "leaving") return;
  const message = state === "failed" ? "the store has failed and cannot be served" : "the store is closed";
  throw new QuorateError("ERR_CLOSED", message, {});
}

/** How often a call that waits for a compaction looks whether it is done. */
const COMPACTION_LOOK_MS = 20;

/** Who this member is and who leads, as of the last event: asked for with every call. */
interface Standing {
  readonly term: number;
  /** The leader's name, or null when none is known. */
  readonly leader: string | undefined;
  readonly isLearner: boolean;
}

/** What all services share: the member behind them, and what clients are told of it. */
export class Front {
  readonly settings: EtcdSettings;
  readonly store: ServedStore;
  readonly parts: StoreParts;
  readonly name: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly gate: AuthGate;
  #standing: Standing;
  #failure: QuorateError | null = null;
  /** How often another leader was seen. */
  leaderChanges = 0;
  /** Commands of which it is not known, or known not, that they were agreed on. */
  proposalsFailed = 0;
  readonly #onChange = (): void => {
    const before = this.#standing.leader;
    this.#standing = this.#look();
    if (this.#standing.leader !== undefined && this.#standing.leader !== before) this.leaderChanges += 1;
  };
  readonly #onError = (error: QuorateError): void => {
    this.#failure = error;
  };

  constructor(store: ServedStore, settings: EtcdSettings) {
    const { clusterId, id, name } = store.status();
    this.settings = settings;
    this.store = store;
    this.parts = partsOf(store)!;
    this.name = name;
    this.clusterId = clusterNumber(clusterId);
    this.memberId = BigInt(id);
    this.gate = new AuthGate({
      machine: this.machine,
      clock: this.clock,
      trustsCertificates: settings.clientCertAuth,
      applied: () => store.status().applied,
      lastIndex: () => store.status().raft.last.index,
      linearize: () => this.linearize(),
    });
    this.#standing = this.#look();
    store.on("leader", this.#onChange);
    store.on("members", this.#onChange);
    store.on("error", this.#onError);
  }

  get clock(): Clock {
    return this.parts.host.clock;
  }

  get machine(): KvMachine {
    return this.parts.host.machine;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get isLeader(): boolean {
    return this.parts.host.replica.isLeader;
  }

  /** Why the member has stopped, if it has. */
  get failure(): QuorateError | null {
    return this.#failure;
  }

  /** Whether the member's disk has no room for more. */
  get isDiskFull(): boolean {
    return this.store.status().isDiskFull;
  }

  /** How long a request may take: etcd's rule. */
  get timeoutMs(): number {
    return 5_000 + 2 * this.settings.electionMs;
  }

  /** What nearly every answer begins with. */
  header(revision: Revision = this.machine.store.revision): ResponseHeader {
    const { clusterId, memberId } = this;
    return { clusterId, memberId, revision, raftTerm: this.#standing.term };
  }

  /** Has a command of this server agreed on; those of clients go through `Caller`. Throws what the machine refuses. */
  async agree<Kind extends Exclude<KvResult["kind"], "refused">>(
    command: Command,
    kind: Kind,
    options: CallOptions = { timeoutMs: this.timeoutMs },
  ): Promise<Extract<KvResult, { kind: Kind }>> {
    let result: KvResult;
    try {
      result = await this.parts.host.propose(command, options);
    } catch (error) {
      this.proposalsFailed += 1;
      throw error;
    }
    if (result.kind === "refused") throw errorOf(result);
    assert(result.kind === kind, "each command has its kind of result");
    return result as Extract<KvResult, { kind: Kind }>;
  }

  /** Waits until this member's state shows everything that was committed before. */
  linearize(): Promise<void> {
    return this.parts.host.replica.barrier({ timeoutMs: this.timeoutMs });
  }

  /** Throws while members are known to differ: then keys are not shown to clients. */
  checkSound(): void {
    if (this.machine.alarms.isRaised("corrupt")) throw refusal("corrupt");
  }

  /** Throws when a request is too large to be agreed on. */
  checkSize(size: number): void {
    if (size > this.settings.requestBytesMax) throw refusal("requestTooLarge");
  }

  /** Resolves once the memory that compactions give up is free. */
  async compacted(): Promise<void> {
    const { clock } = this;
    while (!this.machine.store.compaction.isDone && this.#failure === null) {
      await new Promise<void>((resolve) => clock.after(COMPACTION_LOOK_MS, resolve));
    }
  }

  close(): void {
    this.gate.close();
    this.store.off("leader", this.#onChange);
    this.store.off("members", this.#onChange);
    this.store.off("error", this.#onError);
  }

  #look(): Standing {
    const { term, leader, id, members } = this.store.status();
    // Whoever was added as a voter learns only until it has caught up, and its clients need not know.
    const isLearner = members.some((member) => member.id === id && !member.votes);
    return { term, leader, isLearner };
  }
}

/** Clusters are named by text here, and by 64 bits in etcd. */
function clusterNumber(clusterId: string): bigint {
  return createHash("sha256").update(clusterId).digest().readBigUInt64BE();
}
