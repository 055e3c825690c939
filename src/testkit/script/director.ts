import { LEADER } from "../scenario.ts";
import type { FullFrame } from "../simulation/full/full-frame.ts";
import type { MemberPicture } from "../simulation/seen/picture.ts";
import type { SimMember } from "../simulation/world/sim-member.ts";
import { asText, type Written } from "../written.ts";
import type {
  ActiveFault,
  FaultOptions,
  Script,
  ScriptAction,
  ScriptCall,
  ScriptCallOptions,
  ScriptMember,
} from "./script.ts";
import type { Stage } from "./stage.ts";

/** Until something holds that a script waits for. */
const UNTIL_MS = 30_000;

/** A script's hands and eyes: it says in words what the stage does. */
export class Director<Command, Result, Query, Answer> implements Script<Command, Result, Query, Answer> {
  readonly members: readonly ScriptMember[];
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.members = stage.members.map((member) => new Seen(stage, member));
  }

  get now(): number {
    return this.#stage.now / 1000;
  }

  get leader(): ScriptMember | undefined {
    const { leader } = this.#stage;
    return leader === undefined ? undefined : this.members[leader.number]!;
  }

  member(name: string): ScriptMember {
    const found = this.members.find((member) => member.name === name);
    if (found !== undefined) return found;
    throw new TypeError(`nobody is named ${name}: there are ${namesOf(this.members)}`);
  }

  others(...members: readonly ScriptMember[]): ScriptMember[] {
    return this.members.filter((member) => !members.includes(member));
  }

  pass(ms: number): void {
    this.#stage.pass(this.#stage.now + Math.round(ms * 1000));
  }

  until(holds: () => boolean, withinMs: number = UNTIL_MS): void {
    this.#until(holds, withinMs, () => `it did not come to be that ${textOf(holds)}`);
  }

  untilLeader(...among: readonly ScriptMember[]): ScriptMember {
    const wanted = among.length === 0 ? this.members : among;
    const leader = () => wanted.find((member) => member === this.leader);
    this.#until(
      () => leader() !== undefined,
      UNTIL_MS,
      () => `none of ${namesOf(wanted)} came to lead`,
    );
    return leader()!;
  }

  propose(command: Command, options: ScriptCallOptions = {}): ScriptCall<Result> {
    return this.#call({ command: asText(command) }, options);
  }

  query(query: Query, options: ScriptCallOptions = {}): ScriptCall<Answer> {
    return this.#call({ query: asText(query) }, options);
  }

  look(member: ScriptMember, query: Query): Answer {
    const seen = this.#stage.members[member.number]!.look({ query: asText(query) });
    if (seen === null) throw new Error(`${member.name} does not run, and cannot be looked at`);
    return seen.answer as Answer;
  }

  crash(
    member: ScriptMember,
    { how = "kill", forMs }: Parameters<Script<Command, Result, Query, Answer>["crash"]>[1] = {},
  ): ActiveFault {
    if (!member.isUp) throw new Error(`${member.name} does not run, and cannot crash`);
    return this.#last({
      kind: "crash",
      member: member.number,
      how,
      downMs: forMs ?? Number.POSITIVE_INFINITY,
    });
  }

  pause(member: ScriptMember, options: FaultOptions = {}): ActiveFault {
    if (!member.isUp) throw new Error(`${member.name} does not run, and cannot stand still`);
    return this.#last({ kind: "pause", member: member.number, forMs: lengthOf(options) });
  }

  partition(groups: readonly (readonly ScriptMember[])[], options: FaultOptions = {}): ActiveFault {
    const numbers = groups.map((group) => group.map(({ number }) => number));
    return this.#last({ kind: "partition", groups: numbers, forMs: lengthOf(options) });
  }

  cut(from: ScriptMember, to: ScriptMember, options: FaultOptions = {}): ActiveFault {
    return this.#last({ kind: "cut", from: from.number, to: to.number, forMs: lengthOf(options) });
  }

  slowDisk(member: ScriptMember, ms: number, options: FaultOptions = {}): ActiveFault {
    return this.#last({ kind: "slow-disk", member: member.number, ms, forMs: lengthOf(options) });
  }

  fillDisk(member: ScriptMember, options: FaultOptions = {}): ActiveFault {
    return this.#last({ kind: "full-disk", member: member.number, forMs: lengthOf(options) });
  }

  add({ number }: ScriptMember): void {
    this.#checkLeader();
    const changes = [{ kind: "add-voter", member: number }] as const;
    this.#stage.act({ kind: "change", member: LEADER, changes });
  }

  remove({ number }: ScriptMember): void {
    this.#checkLeader();
    this.#stage.act({ kind: "change", member: LEADER, changes: [{ kind: "remove", member: number }] });
  }

  transfer(to: ScriptMember): void {
    this.#checkLeader();
    this.#stage.act({ kind: "transfer", member: LEADER, to: to.number });
  }

  snapshot({ number }: ScriptMember): void {
    this.#stage.act({ kind: "snapshot", member: number });
  }

  do(deed: ScriptAction): void {
    const isEndless = Object.values(deed).some((value) => value === Number.POSITIVE_INFINITY);
    if (isEndless) throw new TypeError("a scenario is data: what lasts has to say for how long");
    this.#stage.act(deed);
  }

  heal(): void {
    this.#stage.endAll();
  }

  settle(): void {
    this.#stage.settle();
  }

  expect(query: Query, answer: Answer, ...members: readonly ScriptMember[]): void {
    const operation: { readonly query: Written } = { query: asText(query) };
    const asked = members.length === 0 ? this.members.filter(({ isUp }) => isUp) : members;
    const down = asked.find(({ isUp }) => !isUp);
    if (down !== undefined) throw new Error(`${down.name} does not run, and answers nothing`);
    for (const { number } of asked)
      this.#stage.expect({ kind: "expect", member: number, operation, answer: asText(answer) });
  }

  #until(holds: () => boolean, withinMs: number, complaint: () => string): void {
    const end = this.#stage.now + withinMs * 1000;
    while (!holds()) {
      if (this.#stage.next > end) throw new Error(`within ${withinMs} ms ${complaint()}`);
      this.#stage.step();
    }
  }

  #call<Value>(operation: unknown, { to, client = 0 }: ScriptCallOptions): ScriptCall<Value> {
    if (to === undefined) this.#checkLeader();
    const member = to?.number ?? LEADER;
    const number = this.#stage.call({ kind: "operation", client, member, operation });
    if (number === null) throw new Error("nobody was there to be called");
    const ending = () => this.#stage.endingOf(number);
    const wait = () =>
      this.#until(
        () => ending() !== undefined,
        UNTIL_MS,
        () => "the call did not end",
      );
    return {
      get outcome() {
        return ending()?.is;
      },
      answer() {
        wait();
        const ended = ending()!;
        if (ended.is === "answered") return ended.output as Value;
        throw new Error(`the call was not answered: ${ended.is}, ${ended.reason}`);
      },
    };
  }

  #last(deed: ScriptAction): ActiveFault {
    const place = this.#stage.act(deed);
    return { end: () => this.#stage.end(place) };
  }

  #checkLeader(): void {
    if (this.leader === undefined) throw new Error("nobody leads at this moment: wait with untilLeader");
  }
}

/** A member, as it is whenever it is asked. */
class Seen implements ScriptMember {
  readonly name: string;
  readonly number: number;
  readonly #stage: Stage;
  readonly #member: SimMember<FullFrame>;

  constructor(stage: Stage, member: SimMember<FullFrame>) {
    this.name = member.name;
    this.number = member.number;
    this.#stage = stage;
    this.#member = member;
  }

  get isUp() {
    return this.#member.isUp;
  }

  get isLeader() {
    return this.#member.isLeader;
  }

  get role() {
    return this.#picture.role;
  }

  get term() {
    return this.#picture.term;
  }

  get lastIndex() {
    return this.#picture.log.lastIndex;
  }

  get saved() {
    return this.#picture.durable.lastIndex;
  }

  get committed() {
    return this.#picture.committed;
  }

  get applied() {
    return this.#picture.applied;
  }

  get #picture(): MemberPicture {
    return this.#stage.picture.member(this.#member.id);
  }
}

function lengthOf({ forMs }: FaultOptions): number {
  return forMs ?? Number.POSITIVE_INFINITY;
}

function namesOf(members: readonly ScriptMember[]): string {
  return members.map(({ name }) => name).join(", ");
}

/** What a condition says, on one line. */
function textOf(holds: () => boolean): string {
  return String(holds)
    .replace(/^\(\)\s*=>\s*/, "")
    .replace(/\s+/g, " ");
}
