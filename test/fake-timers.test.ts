import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { freePorts } from "../examples/kubernetes/free-ports.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-fake-timers-"));
afterEach(() => {
  vi.useRealTimers();
  vi.resetModules();
});

/** Everything that fake timers can replace, `process.nextTick` apart, which vitest keeps for itself. */
const ALL = [
  ...([
    "setTimeout",
    "clearTimeout",
    "setInterval",
    "clearInterval",
    "setImmediate",
    "clearImmediate",
  ] as const),
  ...(["queueMicrotask", "Date", "performance", "hrtime"] as const),
];

test.each(["before", "after"])(
  "a store works although a test had replaced the timers %s it was loaded",
  async (when) => {
    if (when === "before") vi.useFakeTimers({ toFake: ALL });
    const { open } = await import("../src/open.ts");
    const { tcp } = await import("../src/transport/tcp/tcp-transport.ts");
    if (when === "after") vi.useFakeTimers({ toFake: ALL });
    const names = ["n1", "n2", "n3"];
    vi.useRealTimers();
    const ports = await freePorts(names.length);
    vi.useFakeTimers({ toFake: ALL });
    const peers = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${ports[at]}`]));
    const members = await Promise.all(
      names.map((name) =>
        open({ dir: join(root, when, name), name, peers, transport: tcp({ secret: "s".repeat(32) }) }),
      ),
    );
    const [first, second] = members;
    await first!.ready();
    await first!.put("a", "1", { timeoutMs: 5_000 });
    expect(await second!.get("a")).toBe("1");
    const lease = await second!.lease(10_000);
    await second!.put("leased", "1", { lease });
    await lease.revoke();
    expect(await first!.get("leased")).toBeUndefined();
    await Promise.all(members.map((member) => member.close()));
    rmSync(join(root, when), { recursive: true });
  },
);
