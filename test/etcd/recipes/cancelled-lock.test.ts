import { Client, credentials } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { METHODS } from "../../../src/wire/services.ts";
import { serveStore } from "../support/served-store.ts";

test("a lock that its client stops waiting for leaves neither a key nor a lease of the server's behind", async () => {
  const served = await serveStore();
  const { store } = served;
  const client = new Client(served.endpoint, credentials.createInsecure());
  const { path, request } = METHODS.lock;
  const lock = (deadline?: number) =>
    new Promise<unknown>((resolve) => {
      const bytes = Buffer.from(request.encode({ name: "door", lease: "" }));
      const options = deadline === undefined ? {} : { deadline };
      const asIs = (each: Buffer): Buffer => each;
      client.makeUnaryRequest(path, asIs, asIs, bytes, options, (error) => resolve(error?.code ?? "held"));
    });
  expect(await lock()).toBe("held");
  expect(await store.leases()).toHaveLength(1);
  expect(await lock(Date.now() + 500)).toBe(4);
  await expect.poll(async () => (await store.leases()).length, { timeout: 5_000 }).toBe(1);
  expect(await store.range({ prefix: "door/" }).count()).toBe(1);
  client.close();
  await served.stop();
});
