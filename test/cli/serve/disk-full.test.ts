import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../../src/client/connect.ts";
import { mountSmallDisk, unmount } from "../../storage/small-disk.ts";
import { ServedWorld } from "./served.ts";

const MIB = 1024 * 1024;
const mount = mountSmallDisk(16 * MIB);

describe.skipIf(mount === null)("quorate serve on a disk of 16 MiB (needs root, to mount it)", () => {
  let world: ServedWorld;
  beforeEach(() => {
    world = new ServedWorld();
  });
  afterEach(async () => {
    await world.end();
    unmount(mount);
  });

  test("logs a line when the disk is full and one when it has room again", async () => {
    const [place] = await world.places("n1");
    const server = world.serve(place!, [
      ...world.flags(place!, [place!]),
      ...["--data-dir", join(mount!, "n1")],
    ]);
    await server.ready();
    const { bavail, bsize } = statfsSync(mount!);
    const ballast = join(mount!, "ballast");
    writeFileSync(ballast, new Uint8Array(bavail * bsize));
    const store = await connect({ endpoints: place!.client });

    const value = "x".repeat(64 * 1024);
    for (let at = 0; !server.log.includes("the disk is full"); at++) {
      // The one that waits when there is no room is given up.
      await store.put(`k${at}`, value, { timeoutMs: 2_000 }).catch(() => {});
    }
    const refused = await store.put("a", "").catch((error) => error.code);
    expect(refused).toBe("ERR_DISK_FULL");
    rmSync(ballast);
    await server.says("the disk has room again");
    await store.put("a", "b");
    expect(server.log.match(/the disk is full/g)).toHaveLength(1);
    expect(server.log.match(/the disk has room again/g)).toHaveLength(1);
    await store.close();
  }, 120_000);
});
