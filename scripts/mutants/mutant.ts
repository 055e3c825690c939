/** A bug that is planted to see whether the test kit finds it. */
export interface Mutant {
  readonly id: string;
  /** What is wrong with it, in a few words. */
  readonly title: string;
  readonly edits: readonly Edit[];
  /** Which simulation has to find it: cores alone, or whole members. */
  readonly mode: Mode;
  /** What goes wrong while it is hunted; `standard` where nothing is said. */
  readonly faults?: Profile;
  /** Where somebody has made this mistake, or where it is described. */
  readonly seenIn?: string;
}

export type Mode = "core" | "full";
/**
 * `nightmare` also lets disks rot and operators err. `divided` has five voters, whose network is all that fails;
 * `stalled` has partitions and bad disks, `reshaped` has little but partitions and changes of membership: for bugs that need one rare thing again and again.
 */
export type Profile = "standard" | "nightmare" | "divided" | "stalled" | "reshaped";

/** A change of one source file. */
export interface Edit {
  /** Below `src/`. */
  readonly file: string;
  /** Occurs in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** The text with the change made. Throws when the place is not there, or is there more than once. */
export function plant(text: string, { file, find, replace }: Edit): string {
  const places = text.split(find).length - 1;
  if (places !== 1) throw new Error(`${file} has ${places} places like: ${find}`);
  return text.replace(find, () => replace);
}
