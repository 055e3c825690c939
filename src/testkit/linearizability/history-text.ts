import { QuorateError } from "../../base/errors.ts";
import type { Operation } from "./operation.ts";

/**
 * A history as text, one operation on each line as JSON (NDJSON):
 * `{"client":0,"call":10,"return":25,"input":…,"output":…}`, or `{"client":1,"call":12,"unknown":true,"input":…}`
 * where the outcome is not known. Inputs and outputs must be JSON.
 */
export function writeHistory(operations: readonly Operation[]): string {
  return operations.map((operation) => `${JSON.stringify(lineOf(operation))}\n`).join("");
}

/** Reads what `writeHistory` wrote. Empty lines are skipped; a bad one is an ERR_INVALID_HISTORY with its number. */
export function readHistory<Input = unknown, Output = unknown>(text: string): Operation<Input, Output>[] {
  return text.split("\n").flatMap((line, at) => {
    if (line.trim() === "") return [];
    return [operationOf(line, at + 1) as Operation<Input, Output>];
  });
}

function lineOf(operation: Operation): object {
  const { client, call, input } = operation;
  if (operation.unknown === true) return { client, call, unknown: true, input };
  return { client, call, return: operation.return, input, output: operation.output };
}

function operationOf(line: string, at: number): Operation {
  const fields = fieldsOf(line, at);
  const { client, call, input, output } = fields;
  if (typeof client !== "number" && typeof client !== "string")
    refuse(at, "client must be a number or a text");
  if (!isTime(call)) refuse(at, "call must be a number");
  if (!("input" in fields)) refuse(at, "input is missing");
  if (fields["unknown"] === true) {
    if ("return" in fields) refuse(at, "a call that returned has an outcome");
    return { client, call, unknown: true, input };
  }
  if (!isTime(fields["return"])) refuse(at, "return must be a number, unless unknown is true");
  if (fields["return"] < call) refuse(at, "a call returns after it was made");
  return { client, call, return: fields["return"], input, output };
}

function fieldsOf(line: string, at: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    refuse(at, "this is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuse(at, "this is not an object");
  return value as Record<string, unknown>;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function refuse(line: number, reason: string): never {
  throw new QuorateError("ERR_INVALID_HISTORY", `line ${line} of the history: ${reason}`, { line, reason });
}
