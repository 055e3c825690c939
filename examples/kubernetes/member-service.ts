import type { Store } from "quorate";
import { readBack } from "./checks/read-back.ts";
import { settlement } from "./checks/settlement.ts";
import type { KubeObject } from "./objects.ts";
import type { Answer, Ask, ChildMessage, Done, MemberFiles, RequestName, RoleName } from "./protocol.ts";
import { Ledger } from "./records/ledger.ts";
import { WatchRecorder } from "./records/watch-recorder.ts";
import { ApiServer, unlessConflict } from "./roles/api-server.ts";
import { EventRecorder } from "./roles/event-recorder.ts";
import { kubelet } from "./roles/kubelet.ts";
import { countKinds } from "./roles/list.ts";
import { replicaSetController } from "./roles/replica-set-controller.ts";
import type { ControlPlane, Role } from "./roles/role.ts";
import { scheduler } from "./roles/scheduler.ts";
import { Workers } from "./roles/workers.ts";
import { Writer } from "./roles/writer.ts";

const READY_LIMIT_MS = 15_000;
const PULSE_MS = 100;

const ROLES: Readonly<Record<RoleName, Role>> = {
  "replica-set-controller": replicaSetController,
  scheduler,
  kubelet,
};

/** What a process does with its member: an API server, the roles and writers that use it, and the records of the run. */
export class MemberService {
  /** One function for each thing that the parent can ask. */
  readonly requests: { readonly [Name in RequestName]: (ask: Ask<Name>) => Promise<Answer<Name>> } = {
    ready: async () => await done(this.#store.ready({ timeoutMs: READY_LIMIT_MS })),
    create: async ({ objects }) => ({ created: await this.#create(objects) }),
    startRoles: async ({ roles }) => this.#startRoles(roles),
    stopRoles: async () => await done(this.#roles.stop()),
    startWriters: async ({ count }) => this.#startWriters(count),
    stopWriters: async () => await done(this.#writers.stop()),
    catchUp: async ({ revision }) => ({ at: await this.#recorder.reached(revision) }),
    settlement: async () => await settlement(this.#store),
    count: async () => ({ objects: await countKinds(this.#store) }),
    readBack: async ({ ledgers }) => await readBack(this.#store, ledgers),
    hash: async ({ revision }) => await this.#hash(revision),
    replay: async ({ revision, file }) => await done(this.#replay(revision, file)),
    close: async () => await done(this.#close()),
  };
  readonly #store: Store<unknown>;
  readonly #cluster: ControlPlane;
  readonly #ledger: Ledger;
  readonly #recorder: WatchRecorder;
  readonly #send: (message: ChildMessage) => void;
  readonly #roles = new Workers();
  readonly #writers = new Workers();
  readonly #recording = new Workers();
  #busyWriters = 0;
  /** The term of the last leader under which a write was acknowledged here. */
  #writtenTerm = 0;

  constructor(
    name: string,
    store: Store<unknown>,
    files: MemberFiles,
    send: (message: ChildMessage) => void,
  ) {
    this.#store = store;
    this.#send = send;
    this.#ledger = new Ledger(files.ledger, () => this.#onAcknowledged());
    this.#recorder = new WatchRecorder(store, files.watched);
    const api = new ApiServer(store, this.#ledger);
    this.#cluster = { member: name, store, api, events: new EventRecorder(store, api, name) };

    this.#recording.start((signal) => this.#recorder.run(signal));
    store.on("leader", () => this.#pulse());
    setInterval(() => this.#pulse(), PULSE_MS).unref();
  }

  /** Objects that exist already stay as they are. Events hang on a lease, whoever brings them. */
  async #create(objects: readonly KubeObject[]): Promise<number> {
    const { api, events } = this.#cluster;
    let created = 0;
    for (const object of objects) {
      const isNew = object.kind === "Event" ? events.publish(object) : unlessConflict(api.create(object));
      if ((await isNew) !== null) created += 1;
    }
    return created;
  }

  #startRoles(roles: readonly RoleName[]): Done {
    for (const name of roles) this.#roles.start((signal) => ROLES[name](this.#cluster, signal));
    return {};
  }

  #startWriters(count: number): Done {
    for (let number = 1; number <= count; number += 1) {
      const writer = new Writer(this.#cluster, number);
      this.#writers.start((signal) => this.#count(writer.run(signal)));
    }
    return {};
  }

  async #count(work: Promise<void>): Promise<void> {
    this.#busyWriters += 1;
    await work;
    this.#busyWriters -= 1;
  }

  async #hash(at: number | null): Promise<Answer<"hash">> {
    const { hash, revision } = await this.#store.hash({ revision: at ?? undefined });
    return { hash: hash.toString(16).padStart(8, "0"), revision };
  }

  async #replay(revision: number, file: string): Promise<void> {
    const recorder = new WatchRecorder(this.#store, file);
    await recorder.run(new AbortController().signal, revision);
  }

  async #close(): Promise<void> {
    await Promise.all([this.#writers.stop(), this.#roles.stop(), this.#recording.stop()]);
    await this.#store.close();
  }

  #onAcknowledged(): void {
    const { leader, term } = this.#store.status();
    if (leader === undefined || term === this.#writtenTerm) return;
    this.#writtenTerm = term;
    this.#send({ type: "first-write", term, at: Date.now() });
  }

  #pulse(): void {
    const { leader, term } = this.#store.status();
    const { revision: watched } = this.#recorder;
    const pulse = { leader, term, acknowledged: this.#ledger.count, busyWriters: this.#busyWriters, watched };
    this.#send({ type: "pulse", pulse });
  }
}

async function done(work: Promise<unknown>): Promise<Done> {
  await work;
  return {};
}
