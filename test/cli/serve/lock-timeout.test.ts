import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ServedWorld } from "./served.ts";

let world: ServedWorld;
beforeEach(() => {
  world = new ServedWorld();
});
afterEach(() => world.end());

test("a server that is started before its predecessor is stopped waits for it, and says for whom", async () => {
  const [place] = await world.places("n1");
  const flags = world.flags(place!, [place!]);
  const first = world.serve(place!, flags);
  await first.ready();
  const refused = world.serve(place!, flags);
  expect(await refused.ended).toBe(1);
  expect(refused.log).toContain("is locked by process");
  const [impatient, second] = [1, 2].map(() => world.serve(place!, [...flags, "--lock-timeout", "30000"]));
  await impatient!.says("waiting up to 30000 ms for process");
  expect(await impatient!.end("SIGTERM")).toBe(0);
  expect(impatient!.log).toContain("SIGTERM: it ends");

  await second!.says("waiting up to 30000 ms for process");
  expect(await first.end("SIGTERM")).toBe(0);
  await second!.ready();
  expect(await second!.end("SIGTERM")).toBe(0);
  expect(existsSync(join(world.directory, "n1", "member", "LOCK"))).toBe(false);
});
