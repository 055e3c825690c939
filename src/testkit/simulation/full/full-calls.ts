import { QuorateError } from "../../../base/errors.ts";
import type { Member } from "../../../replica/member.ts";
import type { SimSystem } from "../run/sim-system.ts";
import type { Ending } from "../seen/sim-event.ts";
import type { Call } from "../world/sim-member.ts";
import type { Placed, Tagged } from "./observed-machine.ts";

/** The calls of clients that one process has been given, until each has ended. */
export class FullCalls<Command, Result, Query, Answer> {
  readonly #system: SimSystem<Command, Result, Query, Answer>;
  readonly #hasLeases: boolean;
  readonly #ended: (call: Call, ending: Ending) => void;
  readonly #open = new Map<number, Call>();

  constructor(
    system: SimSystem<Command, Result, Query, Answer>,
    hasLeases: boolean,
    ended: (call: Call, ending: Ending) => void,
  ) {
    this.#system = system;
    this.#hasLeases = hasLeases;
    this.#ended = ended;
  }

  begin(call: Call, member: Member<Tagged<Command>, Placed<Result>, Query, Answer> | null): void {
    this.#open.set(call.operation, call);
    if (member === null) {
      this.#end(call, { is: "refused", reason: "the member does not run" });
      return;
    }
    try {
      const input = this.#system.read(call.input);
      if ("command" in input) this.#propose(member, call, input.command);
      else this.#ask(member, call, input.query, input.consistency ?? "linearizable");
    } catch (error) {
      this.#end(call, endingOf(error));
    }
  }

  /** The process has ended, and nobody will be told any more. */
  end(): void {
    for (const call of [...this.#open.values()])
      this.#end(call, { is: "unknown", reason: "the member stopped" });
  }

  #propose(
    member: Member<Tagged<Command>, Placed<Result>, Query, Answer>,
    call: Call,
    command: Command,
  ): void {
    member.propose({ operation: call.operation, command }, {}, (error, placed) => {
      if (error !== null) this.#end(call, endingOf(error));
      else this.#end(call, { is: "answered", output: placed!.result, index: placed!.index });
    });
  }

  #ask(
    member: Member<Tagged<Command>, Placed<Result>, Query, Answer>,
    call: Call,
    query: Query,
    asked: "linearizable" | "stale",
  ): void {
    const isByLease = this.#hasLeases && asked === "linearizable" && call.operation % 2 === 0;
    const consistency = isByLease ? "lease" : asked;
    member.barrier({ consistency }, (error) => {
      if (error !== null) this.#end(call, endingOf(error));
      else this.#end(call, { is: "answered", output: member.ask(query), index: member.core.log.applied });
    });
  }

  #end(call: Call, ending: Ending): void {
    if (this.#open.delete(call.operation)) this.#ended(call, ending);
  }
}

function endingOf(error: unknown): Ending {
  if (!QuorateError.is(error)) throw error;
  return { is: error.outcome === "none" ? "refused" : "unknown", reason: error.code };
}
