import type { Revision } from "../../../kv/mvcc/key-history.ts";
import type { KeyRange } from "../../../kv/mvcc/key-range.ts";
import type { WatchBatch } from "../../../kv/mvcc/watch-hub.ts";

/** What those who watch a simulated store tell of it. */
export type KvNote =
  | {
      readonly kind: "watch-began";
      /** Names the watch within its process. */
      readonly watch: number;
      readonly range: KeyRange;
      /** The first revision of interest. */
      readonly from: Revision;
      /** Whether it is to tell what each key was before. */
      readonly previous: boolean;
      /** What it is not to tell of. */
      readonly without: "put" | "delete" | null;
    }
  | { readonly kind: "watched"; readonly watch: number; readonly batch: WatchBatch };
