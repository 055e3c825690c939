import { expect, test } from "vitest";
import { defined } from "../../src/base/defaults.ts";
import { raftSettings } from "../../src/raft/options.ts";
import { DEFAULT_LIMITS, type ReplicaLimits, replicaLimits } from "../../src/replica/options.ts";
import { DEFAULT_DISK_LIMITS, diskLimits } from "../../src/storage/layout/limits.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { tcpLimits } from "../../src/transport/tcp/tcp-limits.ts";

/** Each of these options, given as `undefined`. */
function unset(options: object): Record<string, never> {
  return Object.fromEntries(Object.keys(options).map((name) => [name, undefined])) as Record<string, never>;
}

test("what is given as undefined counts as not given", () => {
  const options: { a?: number | undefined; b?: number | null } = { a: undefined, b: null };
  expect({ ...{ a: 1, b: 2 }, ...defined(options) }).toEqual({ a: 1, b: null });
});

test("an option that is given as undefined hides no default: limits of a replica, a disk, a TCP transport, and the core's options", () => {
  expect(replicaLimits(unset(DEFAULT_LIMITS) as Partial<ReplicaLimits>)).toEqual(DEFAULT_LIMITS);
  expect(diskLimits(unset(DEFAULT_DISK_LIMITS))).toEqual(DEFAULT_DISK_LIMITS);
  expect(tcpLimits(unset(tcpLimits()))).toEqual(tcpLimits());
  const core = raftSettings({ id: 1, electionTicks: 10 });
  const { id, electionTicks, ...others } = core;
  expect(raftSettings({ id, electionTicks, ...unset(others) })).toEqual(core);
});

test("faults of a memory network that are given as undefined are none", () => {
  const network = new MemoryNetwork({ faults: { loss: undefined, delayMsMax: undefined } });
  expect(() => network.setFaults({ loss: undefined })).not.toThrow();
});
