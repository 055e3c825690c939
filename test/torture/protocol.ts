/** What a member's process is told when it starts, as JSON in its only argument. */
export interface MemberConfig {
  readonly name: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Where it notes acknowledged writes; the file outlives the process. */
  readonly ledger: string;
  /** Whether a SIGKILL loses what it has not synced. */
  readonly isLossy: boolean;
  /** Makes the keys of this life its own. */
  readonly life: number;
}

/** A write that was acknowledged: the `serial`th of its key, whose value it is. Only one writer writes to a key. */
export interface Acknowledged {
  readonly key: string;
  readonly serial: number;
}

/** From parent to child. */
export type Ask =
  | { readonly type: "stop writers" }
  | { readonly type: "check"; readonly ledgers: readonly string[] }
  | { readonly type: "hash"; readonly revision: number };

/** From child to parent: a pulse several times a second, and one answer to each ask. */
export type Tell =
  | {
      readonly type: "pulse";
      /** Milliseconds from where it began to open its directory until it had caught up; null until then. */
      readonly readyMs: number | null;
      readonly leader: string | null;
    }
  | { readonly type: "answer"; readonly answer: Answer };

export interface Answer {
  readonly revision: number;
  /** Acknowledged writes that cannot be read back, and writes that took effect twice, in words. */
  readonly lost: readonly string[];
  readonly hash: number;
}
