import { CORE_MUTANTS } from "./core-mutants.ts";
import { MEMBER_MUTANTS } from "./member-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { PEER_MUTANTS } from "./peer-mutants.ts";
import { TESTED_MUTANTS } from "./tested-mutants.ts";

/** Every bug that is planted, in the order of the table. */
export const MUTANTS: readonly Mutant[] = [
  ...CORE_MUTANTS,
  ...MEMBER_MUTANTS,
  ...PEER_MUTANTS,
  ...TESTED_MUTANTS,
];
