/**
 * One call of a client, as the client saw it. Times are of any unit and of one clock for all clients. Where two are
 * equal the calls count as overlapping: number the events instead where their order is known exactly.
 *
 * Leave out what certainly had no effect: calls that were refused, and reads that failed.
 */
export type Operation<Input = unknown, Output = unknown> =
  | CompletedOperation<Input, Output>
  | UnknownOperation<Input>;

/** A call that was answered. It took effect at some moment between `call` and its return. */
export interface CompletedOperation<Input = unknown, Output = unknown> {
  readonly client: number | string;
  readonly input: Input;
  readonly call: number;
  /** What was answered; `undefined` where nobody looked, which agrees with everything. */
  readonly output: Output | undefined;
  readonly return: number;
  readonly unknown?: false;
}

/** A call whose outcome nobody knows: it took effect at some moment after `call`, perhaps long after, or never. */
export interface UnknownOperation<Input = unknown> {
  readonly client: number | string;
  readonly input: Input;
  readonly call: number;
  readonly unknown: true;
}

/** Half-finished sentences of an explanation, short enough for a line. */
export function describeOperation(operation: Operation, at: number): string {
  const call = `#${at} client ${operation.client}: ${textOf(operation.input)}`;
  if (operation.unknown === true) return `${call}, outcome unknown [${operation.call}, …]`;
  return `${call} → ${textOf(operation.output)} [${operation.call}, ${operation.return}]`;
}

export function textOf(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
