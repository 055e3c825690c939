import type { Timer } from "../../base/clock.ts";
import type { RoleKind } from "../../raft/effects.ts";
import type { MemoryWatch, SetKvLimits } from "../kv-context.ts";
import type { KvMachine } from "../machine/kv-machine.ts";
import { Housekeeper } from "./housekeeper.ts";
import { LEASE_TICK_MS, LeaseKeeper } from "./lease-keeper.ts";
import type { UpkeepMember } from "./upkeep-member.ts";

/** Changes that a compaction looks at before others have their turn: about a millisecond's work. */
const COMPACTION_STEP = 256;

/** What a member does for its store besides calls: it counts the time of leases while it leads, and finishes compactions. */
export class Upkeep {
  readonly keeper: LeaseKeeper;
  readonly #member: UpkeepMember;
  readonly #machine: KvMachine;
  readonly #housekeeper: Housekeeper;
  readonly #onRole = (role: RoleKind): void => {
    if (role === "leader") this.keeper.lead();
    else this.keeper.follow();
  };
  #ticker: Timer;
  #isCompacting = false;
  #isOver = false;

  constructor(
    member: UpkeepMember,
    machine: KvMachine,
    limits: SetKvLimits,
    memory?: Pick<MemoryWatch, "isShort">,
  ) {
    this.#member = member;
    this.#machine = machine;
    this.keeper = new LeaseKeeper(member, machine);
    this.#housekeeper = new Housekeeper(member, machine, limits, memory);
    member.on("role", this.#onRole);
    this.#ticker = this.#scheduleTick();
  }

  stop(): void {
    this.#isOver = true;
    this.#ticker.cancel();
    this.#member.off("role", this.#onRole);
    this.keeper.stop();
  }

  #scheduleTick(): Timer {
    return this.#member.clock.after(LEASE_TICK_MS, () => {
      this.#ticker = this.#scheduleTick();
      this.keeper.tick();
      this.#housekeeper.tick();
      if (!this.#isCompacting) this.#compact();
    });
  }

  /** Frees what was compacted, a little at a time, until all is freed or somebody reads the past. */
  #compact(): void {
    this.#isCompacting = !this.#isOver && this.#machine.store.compaction.step(COMPACTION_STEP);
    if (this.#isCompacting) this.#member.clock.soon(() => this.#compact());
  }
}
