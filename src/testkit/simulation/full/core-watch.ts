import type { Index, MemberId } from "../../../log/entry.ts";
import type { RoleKind, SnapshotMetadata } from "../../../raft/effects.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../raft/membership.ts";
import type { Raft } from "../../../raft/raft.ts";
import type { SimHost } from "../world/sim-host.ts";
import type { FullFrame } from "./full-frame.ts";

/** What a watch is told of the process whose core it looks at. */
export interface Watched {
  readonly id: MemberId;
  readonly core: Raft | null;
  /** Compares the state, which is the one after `index`, with that of others. */
  lookAtState(index: Index): void;
}

/** Tells what changes in a core, which is looked at after whatever its process does: a core tells nothing by itself. */
export class CoreWatch {
  readonly #host: SimHost<FullFrame>;
  readonly #watched: Watched;
  #role: RoleKind = "follower";
  #term = 0;
  #leader: MemberId | undefined = undefined;
  #committed: Index = 0;
  #applied: Index = 0;
  #membership: Membership = EMPTY_MEMBERSHIP;
  #pendingRestore: SnapshotMetadata | null = null;

  constructor(host: SimHost<FullFrame>, watched: Watched) {
    this.#host = host;
    this.#watched = watched;
  }

  /** The core stands, with what its disk gave back. */
  begin({ membership, term, log }: Raft): void {
    this.#membership = membership;
    this.#term = term;
    this.#applied = log.applied;
    this.#committed = log.applied;
    const { applied } = log;
    if (applied > 0) this.#restored({ index: applied, term: log.termAt(applied) ?? 0 }, applied);
  }

  /** A snapshot is on its way to the disk; its state is in force only later. */
  restoring(snapshot: SnapshotMetadata): void {
    this.#pendingRestore = snapshot;
  }

  look(): void {
    const { core } = this.#watched;
    if (core === null) return;
    this.lookAtRole();
    const { log, membership } = core;
    // A snapshot names its members before it is in force.
    const isChanged = membership !== this.#membership && this.#pendingRestore === null;
    // What was applied was committed before the change; what was committed beyond that may owe it to the change.
    this.#lookAtCommit(core, isChanged ? Math.min(log.applied, log.committed) : log.committed);
    if (log.applied > this.#applied) this.#lookAtApplied(core);
    if (!isChanged) return;
    this.#membership = membership;
    this.#host.emit({ kind: "membership", ...this.#here, membership });
    this.#lookAtCommit(core, log.committed);
  }

  lookAtRole(): void {
    const { core } = this.#watched;
    if (core === null) return;
    const { role, term, leader } = core;
    if (role === this.#role && term === this.#term && leader === this.#leader) return;
    this.#role = role;
    this.#term = term;
    this.#leader = leader;
    this.#host.emit({ kind: "role", ...this.#here, role, term, leader });
  }

  lookAtCommit(): void {
    const { core } = this.#watched;
    if (core !== null) this.#lookAtCommit(core, core.log.committed);
  }

  get #here() {
    return { at: this.#host.schedule.now, member: this.#watched.id };
  }

  #lookAtCommit({ term, role, log }: Raft, to: Index): void {
    if (to <= this.#committed) return;
    this.#committed = to;
    const [membership, through] = [this.#membership, log.committed];
    this.#host.emit({ kind: "committed", ...this.#here, to, through, term, role, membership });
  }

  #lookAtApplied({ log }: Raft): void {
    const snapshot = this.#pendingRestore;
    if (snapshot !== null && log.applied >= snapshot.index) {
      this.#pendingRestore = null;
      this.#applied = snapshot.index;
      this.#restored(snapshot, log.applied);
    }
    while (this.#applied < log.applied) {
      this.#applied += 1;
      const entry = this.#host.committedEntry(this.#applied) ?? log.entryAt(this.#applied);
      this.#host.emit({ kind: "applied", ...this.#here, entry });
    }
  }

  #restored(snapshot: { readonly index: Index; readonly term: number }, applied: Index): void {
    this.#host.emit({ kind: "restored", ...this.#here, snapshot });
    if (applied === snapshot.index) this.#watched.lookAtState(snapshot.index);
  }
}
