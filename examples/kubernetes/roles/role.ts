import type { Store } from "quorate";
import type { ApiServer } from "./api-server.ts";
import type { EventRecorder } from "./event-recorder.ts";

/** A part of the control plane. It works until `signal` is aborted, on whichever member it was started. */
export type Role = (cluster: ControlPlane, signal: AbortSignal) => Promise<void>;

/** What a role works with: it reads and watches the store, writes through the API server and tells people by events. */
export interface ControlPlane {
  readonly member: string;
  readonly store: Store<unknown>;
  readonly api: ApiServer;
  readonly events: EventRecorder;
}
