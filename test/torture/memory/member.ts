import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { QuorateError } from "../../../src/base/errors.ts";
import { open } from "../../../src/open.ts";
import type { Ask, MemoryMemberConfig, Tell } from "./protocol.ts";

/** The program of a process that keeps a member in little memory: it fills its store, and is not to die of it. */
const config = JSON.parse(process.argv[2]!) as MemoryMemberConfig;
const READY_MS = 120_000;
const RETRY_MS = 50;

process.on("disconnect", () => process.exit());
process.on("message", (ask) => void answer(ask as Ask));

const { directory, name, peers, writers, persistMs } = config;
const value = "x".repeat(config.valueBytes);
const begin = performance.now();
const store = await open({
  dir: directory,
  ...(peers === null ? {} : { name, peers }),
  ...(config.quotaBytes === null ? {} : { quotaBytes: config.quotaBytes }),
});
await store.ready({ timeoutMs: READY_MS });
const readyMs = performance.now() - begin;
tell({ type: "ready", peakBytes: statusBytes("VmHWM"), readyMs, quotaBytes: store.metrics().quotaBytes });

async function answer(ask: Ask): Promise<void> {
  switch (ask.type) {
    case "fill":
      return fill();
    case "free":
      return free();
    case "count":
      return count();
    case "weigh":
      return weigh();
  }
}

async function fill(): Promise<void> {
  const filling = { acknowledged: 0, number: 0, code: "", until: Number.POSITIVE_INFINITY };
  const refused = (error: unknown): void => {
    if (!QuorateError.is(error)) throw error;
    if (error.code !== "ERR_NO_SPACE") return;
    filling.code = error.code;
    filling.until = Math.min(filling.until, performance.now() + persistMs);
  };
  const write = async (): Promise<void> => {
    while (performance.now() < filling.until) {
      try {
        await store.put(`${name}/${String(filling.number++).padStart(9, "0")}`, value);
        filling.acknowledged += 1;
      } catch (error) {
        refused(error);
        await pause(RETRY_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const { code, acknowledged } = filling;
  tell({ type: "refused", code, acknowledged, heldBytes: store.metrics().heldBytes });
}

async function free(): Promise<void> {
  const from = performance.now();
  let last = "";
  const limit = Math.ceil(store.metrics().keys / 2);
  for await (const { key } of store.range({ all: true, limit })) last = key;
  await store.delete({ lte: last });
  for (;;) {
    try {
      await store.put("after", "1");
      break;
    } catch (error) {
      if (!QuorateError.is(error)) throw error;
      await pause(50);
    }
  }
  tell({ type: "freed", ms: performance.now() - from });
}

async function count(): Promise<void> {
  // After a linearizable read this member shows everything that was acknowledged.
  await store.get("before");
  tell({ type: "count", keys: store.metrics().keys });
}

async function weigh(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await pause(300);
  }
  tell({ type: "weighed", residentBytes: statusBytes("VmRSS") });
}

function statusBytes(field: string): number {
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))!;
  return Number(kibibytes) * 1024;
}

function tell(message: Tell): void {
  if (process.connected) process.send!(message);
}
