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
}

export type Mode = "core" | "full";
/**
 * For bugs that need one rare thing again and again: `divided` has five voters, whose network is all that fails;
 * `stalled` has partitions and bad disks, `reshaped` has partitions and changes of membership, in `rotten` disks rot and
 * nothing else happens, and in `careless` directories are wiped and mistaken as well.
 */
export type Profile = "standard" | "divided" | "stalled" | "reshaped" | "rotten" | "careless";

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
