import { readdirSync } from "node:fs";
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { counter, gauge, type Reading, type Series } from "./metric-series.ts";

const BYTES_PER_KIBIBYTE = 1024;

/** The process that the member runs in, under the names that Prometheus' own clients use. */
export function processSeries(): Series[] {
  const startedAt = performance.timeOrigin / 1000;
  const cpu = () => process.resourceUsage();
  return [
    counter("process_cpu_user_seconds_total", "User CPU time spent, in seconds.", () => {
      return cpu().userCPUTime / 1e6;
    }),
    counter("process_cpu_system_seconds_total", "System CPU time spent, in seconds.", () => {
      return cpu().systemCPUTime / 1e6;
    }),
    counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.", () => {
      return (cpu().userCPUTime + cpu().systemCPUTime) / 1e6;
    }),
    gauge("process_start_time_seconds", "Start time of the process, in seconds since 1970.", () => startedAt),
    gauge("process_resident_memory_bytes", "Resident memory, in bytes.", () => process.memoryUsage.rss()),
    gauge("process_resident_memory_max_bytes", "Largest resident memory since the start, in bytes.", () => {
      return cpu().maxRSS * BYTES_PER_KIBIBYTE;
    }),
    gauge("process_open_fds", "Open file descriptors, where the system tells (Linux).", openDescriptors),
    gauge(
      "nodejs_heap_size_total_bytes",
      "Size of the heap, in bytes.",
      () => process.memoryUsage().heapTotal,
    ),
    gauge("nodejs_heap_size_used_bytes", "Used part of the heap, in bytes.", () => {
      return process.memoryUsage().heapUsed;
    }),
    gauge(
      "nodejs_external_memory_bytes",
      "Memory of buffers and other objects outside of the heap, in bytes.",
      () => {
        return process.memoryUsage().external;
      },
    ),
    gauge(
      "nodejs_eventloop_utilization",
      "Share of time, from 0 to 1, in which the event loop was busy since the page was read before.",
      utilizationSinceLastRead(),
    ),
    gauge("nodejs_version_info", "Version of Node, as a label; the value is 1.", () => [
      [1, { version: process.version }],
    ]),
  ];
}

function openDescriptors(): readonly Reading[] {
  try {
    // One of them is the directory that is being read.
    return [[readdirSync("/proc/self/fd").length - 1]];
  } catch {
    return [];
  }
}

function utilizationSinceLastRead(): () => number {
  let last: EventLoopUtilization = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
