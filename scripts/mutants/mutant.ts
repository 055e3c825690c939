interface PlantedBug {
  readonly id: string;
  /** What is wrong with it, in a few words. */
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** A bug that the simulator must find. */
export interface SimulatedMutant extends PlantedBug {
  /** Which simulation has to find it: cores alone, or whole members. */
  readonly mode: "core" | "full";
  /** What goes wrong while it is hunted; `standard` where nothing is said. */
  readonly faults?: Profile;
}

/** A bug of a place that no simulation reaches, such as a server's front: one named test must fail with it. */
export interface TestedMutant extends PlantedBug {
  readonly mode: "test";
  readonly test: NamedTest;
}

/** A bug that is planted to see whether a check finds it. */
export type Mutant = SimulatedMutant | TestedMutant;

export type Mode = SimulatedMutant["mode"];

/**
 * For bugs that need one rare thing again and again: `divided` has five voters, whose network is all that fails;
 * `stalled` has partitions and bad disks, `reshaped` has partitions and changes of membership, in `rotten` disks rot and
 * nothing else happens, and in `careless` directories are wiped and mistaken as well.
 */
export type Profile = "standard" | "divided" | "stalled" | "reshaped" | "rotten" | "careless";

export interface NamedTest {
  /** Below `test/`. */
  readonly file: string;
  /** The whole name of the test, or a part of it that no other test of the file has. */
  readonly name: string;
}

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
