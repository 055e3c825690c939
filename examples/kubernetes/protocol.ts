import type { KubeObject } from "./objects.ts";
import type { Acknowledged } from "./records/ledger.ts";

/** What the parent can ask of a member's process, and what the process answers. */
export interface Requests {
  /** Wait until the member has caught up with a leader. */
  ready: { ask: Done; answer: Done };
  /** Create these objects, as a user would with `kubectl apply`. */
  create: { ask: { readonly objects: readonly KubeObject[] }; answer: { readonly created: number } };
  /** Start these roles of the control plane. */
  startRoles: { ask: { readonly roles: readonly RoleName[] }; answer: Done };
  /** Stop the roles and wait until their last writes are settled. */
  stopRoles: { ask: Done; answer: Done };
  /** Start so many writers. */
  startWriters: { ask: { readonly count: number }; answer: Done };
  /** Stop the writers and wait until their last writes are settled. */
  stopWriters: { ask: Done; answer: Done };
  /** Wait until the watcher of this member has noted everything up to `revision`. */
  catchUp: { ask: { readonly revision: number }; answer: { readonly at: number } };
  /** How far the roles have come. */
  settlement: { ask: Done; answer: Settlement };
  /** How many objects there are of each kind. */
  count: { ask: Done; answer: { readonly objects: Readonly<Record<string, number>> } };
  /** Read back, linearizably, the acknowledged writes noted in these files. */
  readBack: { ask: { readonly ledgers: readonly string[] }; answer: ReadBack };
  /** The hash of everything the member holds, at `revision`, or now. */
  hash: {
    ask: { readonly revision: number | null };
    answer: { readonly hash: string; readonly revision: number };
  };
  /** Watch from revision 1 to `revision`, and note all of it in `file`. */
  replay: { ask: { readonly revision: number; readonly file: string }; answer: Done };
  /** Close the member. The process ends when its parent lets go of it. */
  close: { ask: Done; answer: Done };
}

export type RequestName = keyof Requests;
export type Ask<Name extends RequestName> = Requests[Name]["ask"];
export type Answer<Name extends RequestName> = Requests[Name]["answer"];
/** A request or an answer that says nothing beyond itself. */
export type Done = Readonly<Record<never, never>>;

export type RoleName = "replica-set-controller" | "scheduler" | "kubelet";

export interface Settlement {
  readonly runningPods: number;
  /** Some of what the roles still have to do, in words; nothing if they are done. */
  readonly waiting: readonly string[];
}

export interface ReadBack {
  readonly reads: number;
  readonly lost: readonly Lost[];
}

/** An acknowledged write that could not be read back, and what was read instead. */
export interface Lost {
  readonly write: Acknowledged;
  readonly found: string;
}

/** From parent to child. */
export interface RequestMessage {
  readonly id: number;
  readonly name: RequestName;
  readonly ask: unknown;
}

/** From child to parent: an answer, or news that nobody asked for. */
export type ChildMessage =
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly reason: string }
  | { readonly type: "pulse"; readonly pulse: Pulse }
  | { readonly type: "first-write"; readonly term: number; readonly at: number };

/** How a member is, told several times a second and whenever its leader changes. */
export interface Pulse {
  readonly leader: string | undefined;
  readonly term: number;
  readonly acknowledged: number;
  readonly busyWriters: number;
  /** The last revision that the member's watcher has noted. */
  readonly watched: number;
}

/** What a member's process is told when it is started, as JSON in its only argument. */
export interface MemberConfig {
  readonly name: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly files: MemberFiles;
}

/** Where a member keeps its store, and where its process keeps its records. All outlive a SIGKILL. */
export interface MemberFiles {
  readonly store: string;
  readonly ledger: string;
  readonly watched: string;
  readonly output: string;
}
