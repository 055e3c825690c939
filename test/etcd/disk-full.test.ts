import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { connect } from "../../src/client/connect.ts";
import { ALARM_TYPES } from "../../src/wire/maintenance-messages.ts";
import { METHODS } from "../../src/wire/services.ts";
import { mountSmallDisk, unmount } from "../storage/small-disk.ts";
import { page } from "./support/http.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { serveStore } from "./support/served-store.ts";

const MIB = 1024 * 1024;
const SIZE = 40 * MIB;
const VALUE = "x".repeat(64 * 1024);

const mount = mountSmallDisk(SIZE);
afterAll(() => unmount(mount));

describe.skipIf(mount === null)("a real disk of 40 MiB that is full (needs root, to mount it)", () => {
  it("is named to everybody who asks, is used to its end, and is well again without a restart", {
    timeout: 120_000,
  }, async () => {
    const ballast = join(mount!, "ballast");
    writeFileSync(ballast, new Uint8Array(16 * MIB));
    const served = await serveStore({}, { dir: join(mount!, "store"), limits: { snapshotEntries: 1e6 } });
    const { store } = served;
    const url = `http://${served.endpoint}`;
    const client = new RpcClient(served.endpoint);
    const remote = await connect({ endpoints: served.endpoint });
    const told: boolean[] = [];
    store.on("diskFull", (isFull) => told.push(isFull));
    await store.ready();
    expect(await page(`${url}/readyz`)).toMatchObject({ status: 200 });

    const { refusal, keys } = await fill(async (key) => store.put(key, VALUE));
    expect(refusal).toMatchObject({
      code: "ERR_DISK_FULL",
      outcome: "none",
      details: { member: store.status().name },
    });
    // Of 22 MiB that were free, with 2 in reserve and half of the rest left over again and again, this is in use.
    expect(keys * VALUE.length).toBeGreaterThan(12 * MIB);

    await expect.poll(() => told).toEqual([true]);
    expect(store.status().isDiskFull).toBe(true);
    expect(await client.call(METHODS.put, { key: "a", value: "" })).toEqual({
      code: 8,
      message: "etcdserver: disk is full",
    });
    expect(await remote.put("a", "").catch((error) => error.code)).toBe("ERR_DISK_FULL");
    const { header, alarms } = await client.ask(METHODS.alarm, {});
    expect(alarms).toEqual([{ memberId: header?.memberId, alarm: ALARM_TYPES.indexOf("NOSPACE") }]);
    const { errors } = await client.ask(METHODS.status, {});
    expect(errors).toContain("etcdserver: disk is full");
    expect(await client.ask(METHODS.healthCheck, {})).toMatchObject({ status: 2 });
    expect(await page(`${url}/health`)).toMatchObject({
      status: 503,
      text: expect.stringContaining("the disk is full"),
    });
    expect(await page(`${url}/readyz`)).toMatchObject({
      status: 503,
      text: expect.stringContaining("[-]disk_space failed: the disk is full"),
    });
    expect(await page(`${url}/livez`)).toMatchObject({ status: 200 });
    expect((await page(`${url}/metrics`)).text).toMatch(/^quorate_disk_full 1$/m);
    expect(await store.get("k0"), "reads work").toBe(VALUE);

    rmSync(ballast);
    await expect.poll(() => store.status().isDiskFull, { timeout: 15_000 }).toBe(false);
    await store.put("a", "b");
    expect((await client.ask(METHODS.alarm, {})).alarms).toEqual([]);
    expect(await page(`${url}/readyz`)).toMatchObject({ status: 200 });
    expect(await page(`${url}/health`)).toMatchObject({ status: 200 });
    await expect.poll(() => told).toEqual([true, false]);
    for (let at = 0; at < keys; at++) expect(await store.get(`k${at}`)).toBe(VALUE);
    client.close();
    await remote.close();
    await served.stop();
  });
});

/** Writes until a write is refused. One that waits when the disk becomes full is given up. */
async function fill(put: (key: string) => Promise<unknown>) {
  for (let keys = 0; ; keys++) {
    const waits = new Promise<null>((resolve) => setTimeout(resolve, 2_000, null));
    const refusal = await Promise.race([
      put(`k${keys}`).then(
        () => null,
        (error: unknown) => error,
      ),
      waits,
    ]);
    if (QuorateError.is(refusal)) return { refusal, keys: keys - 1 };
    if (statfsSync(mount!).bavail === 0 && keys > 10_000) throw new Error("the disk never became full");
  }
}
