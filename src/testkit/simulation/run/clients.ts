import type { MemberId } from "../../../log/entry.ts";
import type { MemberNumber, OperationAction } from "../../scenario.ts";
import type { Storm } from "../chance/storm.ts";
import type { Ending } from "../seen/sim-event.ts";
import type { Probes } from "../world/probes.ts";
import type { Realm } from "../world/realm.ts";
import type { SimCluster } from "../world/sim-cluster.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { Call, SimMember } from "../world/sim-member.ts";
import type { SimClient } from "./sim-system.ts";

/** What the clients of a run call, and what becomes of it. */
export class Clients<Frame> {
  readonly endings: Record<Ending["is"], number> = { answered: 0, refused: 0, unknown: 0 };
  readonly #host: SimHost<Frame>;
  readonly #cluster: SimCluster<Frame>;
  readonly #storm: Storm;
  readonly #probes: Probes;
  readonly #makeClient: (() => SimClient) | undefined;
  readonly #clients = new Map<number, SimClient>();
  readonly #waiting = new Map<number, Call>();
  #operations = 0;

  constructor({ host, cluster, storm, probes }: Realm<Frame>, makeClient: (() => SimClient) | undefined) {
    this.#host = host;
    this.#cluster = cluster;
    this.#storm = storm;
    this.#probes = probes;
    this.#makeClient = makeClient;
  }

  ask({ client, member, operation }: OperationAction): void {
    if (this.#makeClient !== undefined && !this.#clients.has(client))
      this.#clients.set(client, this.#makeClient());
    this.#call(client, this.#cluster.find(member), this.#clients.get(client)?.ask(operation) ?? operation);
  }

  returned({ operation, client, input }: Call, member: MemberId, ending: Ending): void {
    if (!this.#waiting.delete(operation)) return;
    this.endings[ending.is] += 1;
    const at = this.#host.schedule.now;
    this.#host.emit({ kind: "returned", at, operation, client, member, ending });
    const again = this.#clients.get(client)?.ended(input, ending);
    if (again !== undefined) this.#callElsewhere(client, this.#host.numberOf(member)!, again);
  }

  /** Which call still waits for its answer, in words, or null. */
  unrest(): string | null {
    const [waiting] = this.#waiting.values();
    // Cores alone do not ask again, so what was lost on the way is never answered.
    if (waiting === undefined || this.#host.scenario.mode === "core") return null;
    return `call ${waiting.operation} of client ${waiting.client} is not answered`;
  }

  #callElsewhere(client: number, number: MemberNumber, input: unknown): void {
    this.#probes.hit("call made again");
    const { members } = this.#cluster;
    const other = members[(number + 1) % members.length];
    this.#storm.later(RECALL_MS, () => this.#call(client, other, input));
  }

  #call(client: number, member: SimMember<Frame> | undefined, input: unknown): void {
    if (member === undefined) return;
    const call: Call = { operation: ++this.#operations, client, input };
    this.#waiting.set(call.operation, call);
    this.#host.emit({
      kind: "called",
      at: this.#host.schedule.now,
      operation: call.operation,
      client,
      member: member.id,
      input,
    });
    member.call(call);
  }
}

/** A client that was not answered calls again after this. */
const RECALL_MS = 100;
