import { Random } from "../../../src/base/random.ts";
import type { Model, Operation } from "../../../src/testkit/linearizability/index.ts";

export interface HistoryOptions<Input> {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  readonly input: (random: Random) => Input;
  /** How many of a hundred calls never learn their outcome. */
  readonly unknownPercent?: number;
}

/**
 * What clients of a correct system could have seen: each call takes effect at a moment of its own between call and
 * return. Times count events. The order in which they took effect comes with it.
 */
export function legalHistory<State, Input, Output>(
  model: Model<State, Input, Output>,
  { seed, clients, operations, input, unknownPercent = 0 }: HistoryOptions<Input>,
): { history: Operation<Input, Output>[]; order: number[] } {
  const random = new Random(seed);
  const history: Operation<Input, Output>[] = [];
  const order: number[] = [];
  const open = new Map<number, { at: number; input: Input; call: number; answer?: { output: Output } }>();
  let state = model.init();
  let [time, called] = [0, 0];

  while (called < operations || open.size > 0) {
    const client = random.between(0, clients - 1);
    const call = open.get(client);
    time++;
    if (call === undefined) {
      if (called === operations) continue;
      const next = { at: called++, input: input(random), call: time };
      open.set(client, next);
    } else if (call.answer === undefined) {
      const isLost = random.between(1, 100) <= unknownPercent;
      const isNever = isLost && random.between(0, 1) === 0;
      if (!isNever) {
        const [next, output] = model.step(state, call.input);
        state = next;
        call.answer = { output };
        order.push(call.at);
      }
      if (isLost) {
        history[call.at] = { client, input: call.input, call: call.call, unknown: true };
        open.delete(client);
      }
    } else {
      const { at, input: asked, answer } = call;
      history[at] = { client, input: asked, call: call.call, output: answer!.output, return: time };
      open.delete(client);
    }
  }
  return { history, order };
}
