/** Known mistakes of others that have no place in our sources, and why. */
export const UNPLANTED: readonly { readonly title: string; readonly reason: string }[] = [
  {
    title: "the whole store, or the whole log, is written anew for each change",
    reason: "it is slow, not wrong: the benchmarks would tell, and no promise is broken by it",
  },
  {
    title: "elections are decided by a number that is added to a list",
    reason: "the compiler refuses it",
  },
];
