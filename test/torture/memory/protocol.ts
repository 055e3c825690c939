/** How a process is to keep its member. */
export interface MemoryMemberConfig {
  readonly directory: string;
  readonly name: string;
  /** Name and address of all members; null for one that is alone. */
  readonly peers: Readonly<Record<string, string>> | null;
  readonly valueBytes: number;
  /** Null for what the store chooses by itself. */
  readonly quotaBytes: number | null;
  readonly writers: number;
  /** So long it goes on trying after the first refusal: a refusal that lets anything through would end it sooner or later. */
  readonly persistMs: number;
}

export type Ask =
  /** Put new keys until that is refused, and try for a while longer. */
  | { readonly type: "fill" }
  /** Delete half of the keys, and wait until a put succeeds again. */
  | { readonly type: "free" }
  | { readonly type: "count" }
  /** What is resident once everything that can be given back was. */
  | { readonly type: "weigh" };

export type Tell =
  | {
      readonly type: "ready";
      readonly peakBytes: number;
      readonly readyMs: number;
      readonly quotaBytes: number;
    }
  | {
      readonly type: "refused";
      readonly code: string;
      readonly acknowledged: number;
      readonly heldBytes: number;
    }
  | { readonly type: "freed"; readonly ms: number }
  | { readonly type: "count"; readonly keys: number }
  | { readonly type: "weighed"; readonly residentBytes: number };
