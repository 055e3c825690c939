import { equalStructure, structureKey } from "../structure.ts";
import type { Model } from "./model.ts";
import type { Operation } from "./operation.ts";
import { Timeline } from "./timeline.ts";
import { Visited } from "./visited.ts";

/** How far a search may go; asked before each step, it answers false when it is enough. */
export type Budget = () => boolean;

export interface SearchResult {
  readonly verdict: "ok" | "illegal" | "unknown";
  /** A legal order when there is one; else the longest legal beginnings that were found. By places in the history. */
  readonly orders: readonly (readonly number[])[];
}

/** Of equally long beginnings so many are kept, to show. */
const ORDERS_MAX = 4;

/**
 * Looks for an order of the operations that the model allows and that keeps whatever returned before another was
 * called before it. Depth first, as Wing and Gong do it: place any operation that may come next and whose answer
 * fits; when none fits, take the last one back.
 */
export class Search<State, Input, Output> {
  readonly #operations: readonly Operation<Input, Output>[];
  readonly #model: Model<State, Input, Output>;
  readonly #timeline: Timeline;
  readonly #visited: Visited;
  readonly #keyOf: (state: State) => string;
  /** Operations with the same input, outcome and answer have the same number. */
  readonly #alike: readonly number[];
  readonly #placed: Placed<State>[] = [];
  #state: State;
  #stateKey: string;
  #completed = 0;
  #best = -1;
  #orders: number[][] = [];

  constructor(
    operations: readonly Operation<Input, Output>[],
    places: readonly number[],
    model: Model<State, Input, Output>,
  ) {
    this.#operations = operations;
    this.#model = model;
    this.#timeline = new Timeline(operations, places);
    const { completed } = this.#timeline;
    this.#visited = new Visited(completed, places.length - completed);
    this.#keyOf = (state) => model.stateKey?.(state) ?? structureKey(state);
    this.#alike = numbersOfAlike(this.#timeline.places.map((place) => operations[place]!));
    this.#state = model.init();
    this.#stateKey = this.#keyOf(this.#state);
  }

  run(mayGoOn: Budget): SearchResult {
    let choices = this.#choicesHere();
    while (!this.#timeline.isEmpty) {
      if (!mayGoOn()) return { verdict: "unknown", orders: this.#orders };
      if (this.#placeOneOf(choices)) {
        choices = this.#choicesHere();
        continue;
      }
      const before = this.#takeBack();
      if (before === null) return { verdict: "illegal", orders: this.#orders };
      choices = before;
    }
    return { verdict: "ok", orders: [this.#order()] };
  }

  #choicesHere(): Choices {
    const seen = new Set<number>();
    const operations = this.#timeline.candidates().filter((operation) => {
      if (this.#isPlacedUnknown(operation)) return false;
      // Of two that are alike the one that can wait less, or was called earlier, can stand wherever the other can.
      const isFirst = !seen.has(this.#alike[operation]!);
      seen.add(this.#alike[operation]!);
      return isFirst;
    });
    return { operations, tried: 0 };
  }

  #placeOneOf(choices: Choices): boolean {
    while (choices.tried < choices.operations.length) {
      const operation = choices.operations[choices.tried++]!;
      const isPlaced =
        operation < this.#timeline.completed
          ? this.#place(operation, choices)
          : this.#placeUnknown(operation, choices);
      if (isPlaced) return true;
    }
    return false;
  }

  #place(operation: number, choices: Choices): boolean {
    const { input, output } = this.#operationAt(operation);
    const [state, expected] = this.#model.step(this.#state, input);
    if (output !== undefined && !this.#accepts(expected, output, input)) return false;

    const stateKey = this.#keyOf(state);
    this.#timeline.take(operation);
    this.#visited.flip(operation);
    const last = Math.max(operation, this.#placed.at(-1)?.last ?? -1);
    // A read that fits can as well come first: there is no need to try anything else in its place.
    const isFree = output !== undefined && this.#model.isRead?.(input, output) === true;
    if (isFree || this.#visited.visit(stateKey, this.#firstLeft(), last)) {
      this.#push(operation, state, stateKey, last, isFree ? null : choices);
      this.#completed++;
      return true;
    }
    this.#visited.flip(operation);
    this.#timeline.putBack(operation);
    return false;
  }

  #placeUnknown(operation: number, choices: Choices): boolean {
    const at = operation - this.#timeline.completed;
    const [state] = this.#model.step(this.#state, this.#operationAt(operation).input);
    const stateKey = this.#keyOf(state);
    if (stateKey === this.#stateKey) return false;
    this.#visited.flipUnknown(at);
    const last = this.#placed.at(-1)?.last ?? -1;
    if (this.#visited.visit(stateKey, this.#firstLeft(), last)) {
      this.#push(operation, state, stateKey, last, choices);
      return true;
    }
    this.#visited.flipUnknown(at);
    return false;
  }

  /** Unplaces up to the last operation for which there may be another choice; null when there is none. */
  #takeBack(): Choices | null {
    this.#remember();
    while (this.#placed.length > 0) {
      const { operation, state, stateKey, choices } = this.#placed.pop()!;
      this.#state = state;
      this.#stateKey = stateKey;
      if (operation < this.#timeline.completed) {
        this.#visited.flip(operation);
        this.#timeline.putBack(operation);
        this.#completed--;
      } else {
        this.#visited.flipUnknown(operation - this.#timeline.completed);
      }
      if (choices !== null) return choices;
    }
    return null;
  }

  #push(operation: number, state: State, stateKey: string, last: number, choices: Choices | null): void {
    this.#placed.push({ operation, state: this.#state, stateKey: this.#stateKey, last, choices });
    this.#state = state;
    this.#stateKey = stateKey;
  }

  #remember(): void {
    if (this.#completed < this.#best) return;
    if (this.#completed > this.#best) this.#orders = [];
    this.#best = this.#completed;
    if (this.#orders.length < ORDERS_MAX) this.#orders.push(this.#order());
  }

  #order(): number[] {
    return this.#placed.map(({ operation }) => this.#timeline.places[operation]!);
  }

  #isPlacedUnknown(operation: number): boolean {
    const { completed } = this.#timeline;
    return operation >= completed && this.#visited.hasUnknown(operation - completed);
  }

  #firstLeft(): number {
    return this.#timeline.isEmpty ? this.#timeline.completed : this.#timeline.first;
  }

  #operationAt(operation: number): { readonly input: Input; readonly output?: Output | undefined } {
    return this.#operations[this.#timeline.places[operation]!]!;
  }

  #accepts(expected: Output, seen: Output, input: Input): boolean {
    return this.#model.accepts?.(expected, seen, input) ?? equalStructure(expected, seen);
  }
}

interface Placed<State> {
  readonly operation: number;
  /** Before it. */
  readonly state: State;
  readonly stateKey: string;
  /** The highest completed operation that is placed, this one included. */
  readonly last: number;
  /** What else could stand in its place; null when nothing needs to be tried. */
  readonly choices: Choices | null;
}

interface Choices {
  readonly operations: readonly number[];
  tried: number;
}

function numbersOfAlike(operations: readonly Operation[]): number[] {
  const numbers = new Map<string, number>();
  return operations.map(({ input, unknown, ...rest }) => {
    const key = structureKey([input, unknown === true, "output" in rest ? [rest.output] : []]);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}
