import type { MemberId } from "../../log/entry.ts";
import type { HardState, Save } from "../../raft/effects.ts";
import type {
  RecordedEvent,
  RecordedKind,
  RecordedOperation,
  RecordedState,
  Recording,
} from "../recording.ts";
import type { Action, MemberNumber } from "../scenario.ts";
import type { OperationEvent, RecoveredState, SimEvent } from "../simulation/seen/sim-event.ts";
import {
  actionWords,
  endingWords,
  entriesWords,
  executedWords,
  messageWords,
  placeWords,
  stopWords,
  valueWords,
} from "./words.ts";

export interface RecordedRun {
  readonly title: string;
  readonly seed: number;
  readonly failure: { readonly invariant: string; readonly message: string } | undefined;
  /** The command line that runs the same again. */
  readonly replay: string | undefined;
}

type More = Omit<RecordedEvent, "at" | "who" | "kind" | "text">;

/** Makes a recording of what a simulation tells. Give `observe` to it as `onEvent`, and ask for the recording at the end. */
export class Recorder {
  readonly #events: RecordedEvent[] = [];
  readonly #operations = new Map<number, RecordedOperation>();
  readonly #names = new Map<MemberId, string>();
  readonly #sent = new Map<number, number>();
  readonly #saving = new Map<Save, number>();
  /** When partitions that are in force end by themselves. */
  #heals: number[] = [];
  #now = 0;

  readonly observe = (event: SimEvent): void => {
    this.#now = event.at / 1000;
    this.#heal();
    this.#take(event);
  };

  recording({ title, seed, failure, replay }: RecordedRun): Recording {
    if (failure !== undefined) {
      // What a check objects to is what a member or a client has just done.
      const culprit = this.#events.findLastIndex(({ who }) => who !== null);
      const causes = culprit === -1 ? [] : [culprit];
      this.#add(this.#events[culprit]?.who ?? null, "violation", failure.message, { causes });
    }
    const violation = failure === undefined ? null : { ...failure, event: this.#events.length - 1 };
    const members = [...this.#names.values()];
    const operations = [...this.#operations.values()];
    return {
      format: 1,
      title,
      seed,
      members,
      events: [...this.#events],
      operations,
      violation,
      replay: replay ?? null,
    };
  }

  #take(event: SimEvent): void {
    switch (event.kind) {
      case "founded":
        for (const [id, name] of event.names) this.#names.set(id, name);
        break;
      case "registered":
        this.#names.set(event.id, event.name);
        break;
      case "action":
        this.#act(event.action, event.member);
        break;
      case "calm":
        this.#heals = [];
        this.#add(null, "heal", "everything is mended: the storm is over");
        break;
      case "called":
      case "returned":
        this.#passed(event);
        break;
      case "started":
        this.#of(event.member, "restart", startWords(event.start, event.recovered), {
          state: stateOf(event.recovered),
        });
        break;
      case "stopped":
        this.#of(event.member, "crash", stopWords(event.how, event.reason), {
          state: { role: "down" },
        });
        break;
      case "paused":
        this.#of(event.member, "pause", `stands still for ${event.forMs} ms`);
        break;
      case "resumed":
        this.#of(event.member, "resume", "goes on");
        break;
      case "sent": {
        const text = `→ ${this.#nameOf(event.message.to)} ${messageWords(event.message)}`;
        this.#sent.set(event.id, this.#of(event.member, "send", text));
        break;
      }
      case "received":
        this.#of(
          event.member,
          "receive",
          `← ${this.#nameOf(event.message.from)} ${messageWords(event.message)}`,
          this.#causedBy(this.#sent.get(event.id)),
        );
        break;
      case "lost": {
        const text = `lost from ${this.#nameOf(event.message.from)}: ${messageWords(event.message)}`;
        this.#of(event.message.to, "drop", text, this.#causedBy(this.#sent.get(event.id)));
        break;
      }
      case "saving":
        this.#saves(event.member, event.save);
        break;
      case "saved":
        this.#saved(event.member, event.save);
        break;
      case "save-failed":
        this.#of(event.member, "disk", `the disk refuses: ${event.reason}`);
        break;
      case "snapshot-taken":
        this.#of(event.member, "snapshot", `has a snapshot to ${placeWords(event.snapshot)}`, {
          state: { snapshot: event.snapshot.index },
        });
        break;
      case "role":
        this.#of(event.member, "role", `is ${event.role} in term ${event.term}`, {
          state: { role: event.role, term: event.term },
        });
        break;
      case "committed":
        this.#of(event.member, "commit", `takes everything to ${event.to} for committed`, {
          state: { committed: event.to, term: event.term },
        });
        break;
      case "applied":
        this.#of(event.member, "apply", `applies ${placeWords(event.entry)}`, {
          state: { applied: event.entry.index },
        });
        break;
      case "restored":
        this.#of(event.member, "snapshot", `restores a snapshot to ${placeWords(event.snapshot)}`, {
          state: { applied: event.snapshot.index, snapshot: event.snapshot.index },
        });
        break;
      case "membership": {
        const { voters, learners } = event.membership;
        const names = [
          ...voters.map((id) => this.#nameOf(id)),
          ...learners.map((id) => `(${this.#nameOf(id)})`),
        ];
        this.#of(event.member, "membership", `the members are ${names.join(" ")}`);
        break;
      }
      case "executed": {
        const { operation, applied, result } = event;
        const input = this.#operations.get(operation)?.input ?? valueWords(applied.command);
        this.#of(event.member, "apply", executedWords(input, applied.index, result));
        break;
      }
      case "directory-replaced":
        this.#of(event.member, "disk", `in its directory's place is ${REPLACED[event.by]}`);
        break;
      case "repaired":
        this.#of(event.member, "disk", "its directory is damaged, and keeps what can be proved");
        break;
      case "wiped":
        this.#of(event.member, "disk", "its directory was emptied", {
          state: { log: { from: 1, terms: [] }, committed: 0, applied: 0, saved: 0, snapshot: 0, term: 0 },
        });
        break;
      default:
        // What only checks want to know.
        break;
    }
  }

  #act(action: Action, member: MemberId | undefined): void {
    const nameOf = (number: MemberNumber): string => [...this.#names.values()][number] ?? "the leader";
    const text = actionWords(action, nameOf);
    if (text === null) return;
    if (action.kind === "partition") {
      const groups = action.groups.map((group) => group.map(nameOf));
      this.#heals.push(this.#now + action.forMs);
      this.#add(null, "partition", text, { groups });
      return;
    }
    const isOfDisk = ["slow-disk", "full-disk", "disk-error", "rot", "wipe", "old-backup", "clone"].includes(
      action.kind,
    );
    const kind = action.kind === "clock-jump" ? "clock" : isOfDisk ? "disk" : "note";
    if (member === undefined) this.#add(null, kind, text);
    else this.#of(member, kind, text);
  }

  #passed(event: OperationEvent): void {
    const client = `c${event.client}`;
    const peer = this.#nameOf(event.member);
    if (event.kind === "called") {
      const input = valueWords(event.input);
      const call = this.#add(client, "call", `${input} → ${peer}`, { peer });
      const operation = { client, input, output: null, outcome: "unknown", call, return: null } as const;
      this.#operations.set(event.operation, operation);
      return;
    }
    const before = this.#operations.get(event.operation);
    if (before === undefined) return;
    const { ending } = event;
    const words = endingWords(ending);
    const end = this.#add(client, "return", words, { peer, causes: [before.call] });
    const outcome = ending.is === "answered" ? "ok" : ending.is === "refused" ? "failed" : "unknown";
    const output = ending.is === "answered" ? words : null;
    // Who does not know what became of a call has it open for ever.
    this.#operations.set(event.operation, {
      ...before,
      output,
      outcome,
      return: outcome === "unknown" ? null : end,
    });
  }

  #saves(member: MemberId, save: Save): void {
    const { entries, snapshot, hardState } = save;
    const log =
      entries.length === 0 ? null : { from: entries[0]!.index, terms: entries.map(({ term }) => term) };
    const parts = [
      ...(hardState === undefined ? [] : [this.#hardStateWords(hardState, save.mustSync)]),
      ...(snapshot === undefined ? [] : [`snapshot to ${placeWords(snapshot)}`]),
      ...(entries.length === 0 ? [] : [entriesWords(entries)]),
    ];
    // There is nothing to write, but messages wait for what was written before.
    if (parts.length === 0) return;
    const state: RecordedState = {
      ...(hardState === undefined ? {} : { term: hardState.term }),
      ...(log === null ? {} : { log }),
      ...(snapshot === undefined
        ? {}
        : { snapshot: snapshot.index, log: log ?? { from: snapshot.index + 1, terms: [] } }),
    };
    this.#saving.set(save, this.#of(member, "save", `writes ${parts.join(", ")}`, { state }));
  }

  #saved(member: MemberId, save: Save): void {
    const cause = this.#saving.get(save);
    if (cause === undefined) return;
    this.#saving.delete(save);
    const last = save.entries.at(-1) ?? save.snapshot;
    const what = last === undefined ? `what it wrote` : `everything to ${placeWords(last)}`;
    this.#of(member, "save", `has ${what} on the disk`, {
      causes: [cause],
      ...(last === undefined ? {} : { state: { saved: last.index } }),
    });
  }

  #hardStateWords({ term, vote, commit }: HardState, mustSync: boolean): string {
    if (!mustSync) return `that ${commit} is committed`;
    return `term ${term}${vote === undefined ? "" : ` with its vote for ${this.#nameOf(vote)}`}`;
  }

  #heal(): void {
    const due = this.#heals.filter((at) => at <= this.#now).sort((a, b) => a - b);
    if (due.length === 0) return;
    this.#heals = this.#heals.filter((at) => at > this.#now);
    for (const at of due) this.#events.push({ at, who: null, kind: "heal", text: "the partition ends" });
  }

  #causedBy(cause: number | undefined): More {
    return cause === undefined ? {} : { causes: [cause] };
  }

  #of(member: MemberId, kind: RecordedKind, text: string, more: More = {}): number {
    return this.#add(this.#nameOf(member), kind, text, more);
  }

  #add(who: string | null, kind: RecordedKind, text: string, more: More = {}): number {
    return this.#events.push({ at: this.#now, who, kind, text, ...more }) - 1;
  }

  #nameOf(id: MemberId): string {
    return this.#names.get(id) ?? `member ${id}`;
  }
}

const REPLACED = {
  "older copy": "an older copy of it",
  "copy of another's": "a copy of another member's",
  "its own": "its own again",
} as const;

function startWords(start: number, { entries, snapshot }: RecoveredState): string {
  const last = entries.at(-1) ?? snapshot;
  const found = last === undefined ? "an empty disk" : `a log to ${placeWords(last)}`;
  return `${start === 1 ? "starts" : "starts again"} with ${found}`;
}

function stateOf({ hardState, snapshot, entries }: RecoveredState): RecordedState {
  const from = (snapshot?.index ?? 0) + 1;
  const first = entries[0]?.index ?? from;
  return {
    role: "follower",
    term: hardState.term,
    committed: Math.max(hardState.commit, snapshot?.index ?? 0),
    applied: snapshot?.index ?? 0,
    saved: entries.at(-1)?.index ?? snapshot?.index ?? 0,
    snapshot: snapshot?.index ?? 0,
    log: { from: first, terms: entries.map(({ term }) => term) },
  };
}
