import { afterEach, beforeEach, test } from "vitest";
import { ServedWorld } from "./served.ts";

let world: ServedWorld;
beforeEach(() => {
  world = new ServedWorld();
});
afterEach(() => world.end());

/** Longer than a test waits for the words of a server. */
const ELECTION_TIMEOUT = "--election-timeout=50000";

test("the only member of a cluster is ready at once after a SIGKILL, however long an election timeout is", async () => {
  const [place] = await world.places("n1");
  const flags = [...world.flags(place!, [place!]), ELECTION_TIMEOUT];
  for (const signal of ["SIGKILL", "SIGKILL"] as const) {
    const server = world.serve(place!, flags);
    await server.ready();
    await server.end(signal);
  }
}, 120_000);
