import type { Applied } from "../../../replica/state-machine.ts";

/** Something that does one thing at a time, to compare answers with. */
export interface Reference<Command, Query> {
  apply(applied: Applied<Command>): unknown;
  /** Where it is missing, answers to queries are not compared. */
  query?(query: Query): unknown;
}
