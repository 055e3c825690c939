import { spawnSync } from "node:child_process";
import { totalmem } from "node:os";
import { expect, test } from "vitest";
import { until } from "../../examples/kubernetes/wait.ts";
import { MemoryGauge, memoryLimits } from "../../src/base/node-memory.ts";

const MIB = 1024 * 1024;
const MODULE = new URL("../../src/base/node-memory.ts", import.meta.url).href;

/** What a process with these flags says of its limits. */
function limitsWith(...flags: string[]): { readonly heapBytes: number; readonly processBytes: number } {
  const program = `import(${JSON.stringify(MODULE)}).then((m) => console.log(JSON.stringify(m.memoryLimits())))`;
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, "--import", "tsx", "-e", program], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

test("the heap's limit is that of objects that live for long, without the young generation", () => {
  expect(limitsWith("--max-old-space-size=96").heapBytes).toBe(96 * MIB);
  expect(limitsWith("--max-old-space-size=96", "--max-semi-space-size=64").heapBytes).toBeLessThanOrEqual(
    144 * MIB,
  );
  expect(limitsWith("--max-old-space-size=400", "--max-semi-space-size=32").heapBytes).toBe(400 * MIB);
});

test("a limit of a container that is none, or more than the machine has, is not taken for one", () => {
  const { processBytes } = memoryLimits();
  expect(processBytes).toBeGreaterThan(0);
  expect(processBytes).toBeLessThanOrEqual(totalmem());
});

test("memory is short while too much of it is resident, and not any more once there is enough", async () => {
  const looked = async (processBytes: number): Promise<boolean> => {
    const gauge = new MemoryGauge({ heapBytes: null, processBytes });
    try {
      await new Promise((resolve) => setTimeout(resolve, 250));
      return gauge.isShort;
    } finally {
      gauge.stop();
    }
  };
  expect(await looked(process.memoryUsage.rss() * 1.05)).toBe(true);
  expect(await looked(process.memoryUsage.rss() * 3)).toBe(false);
});

test("memory is short when the heap is nearly full, before V8 has collected it", async () => {
  const { heapUsed } = process.memoryUsage();
  const gauge = new MemoryGauge({ heapBytes: heapUsed, processBytes: null });
  try {
    await until(
      () => "the gauge to look",
      2_000,
      () => (gauge.isShort ? true : null),
    );
  } finally {
    gauge.stop();
  }
});
