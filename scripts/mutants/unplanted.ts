/** Known mistakes of others that have no place in our sources, and why. */
export const UNPLANTED: readonly { readonly title: string; readonly reason: string }[] = [
  {
    title: "the whole store, or the whole log, is written anew for each change",
    reason: "it is slow, not wrong: the benchmarks would tell, and no promise is broken by it",
  },
  {
    title: "entries of an outdated leader are taken and acknowledged",
    reason:
      "without the look at the term they are refused all the same: whom a member follows is part of its state, and its answer names its own term",
  },
];
