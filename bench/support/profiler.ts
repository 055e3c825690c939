import { Session } from "node:inspector";

/** Where time went and what was allocated, by function: `file:line name`. */
export interface Profile {
  /** Share of the time that was sampled, 0 to 1, largest first. */
  readonly time: readonly (readonly [place: string, share: number])[];
  /** Bytes, largest first, those that were collected since included. */
  readonly bytes: readonly (readonly [place: string, bytes: number])[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface AllocationNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

/** Profiles this process by the inspector, from inside. */
export class Profiler {
  readonly #session = new Session();
  #isConnected = false;

  async start(): Promise<void> {
    if (!this.#isConnected) this.#session.connect();
    this.#isConnected = true;
    await this.#post("Profiler.enable");
    await this.#post("Profiler.setSamplingInterval", { interval: 200 });
    await this.#post("Profiler.start");
    await this.#post("HeapProfiler.startSampling", {
      samplingInterval: 16_384,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
  }

  async stop(): Promise<Profile> {
    const { profile } = await this.#post<{ profile: CpuProfile }>("Profiler.stop");
    const { profile: heap } = await this.#post<{ profile: { head: AllocationNode } }>(
      "HeapProfiler.stopSampling",
    );
    return { time: sharesOf(profile), bytes: largest(sizesOf(heap.head)) };
  }

  #post<Result>(method: string, params: object = {}): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, params, (error, result) => {
        if (error === null) resolve(result as Result);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): Profile["time"] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const spent = new Map<string, number>();
  let total = 0;
  for (const [at, id] of samples.entries()) {
    const delta = timeDeltas[at] ?? 0;
    const place = places.get(id)!;
    spent.set(place, (spent.get(place) ?? 0) + delta);
    total += delta;
  }
  return largest(spent).map(([place, microseconds]) => [place, microseconds / total]);
}

function sizesOf(head: AllocationNode): Map<string, number> {
  const sizes = new Map<string, number>();
  const left = [head];
  for (let node = left.pop(); node !== undefined; node = left.pop()) {
    const place = placeOf(node.callFrame);
    sizes.set(place, (sizes.get(place) ?? 0) + node.selfSize);
    left.push(...node.children);
  }
  return sizes;
}

function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const file = url.slice(url.lastIndexOf("/") + 1);
  return `${functionName || "(anonymous)"} ${file === "" ? "" : `${file}:${lineNumber + 1}`}`.trim();
}

function largest(values: ReadonlyMap<string, number>): [string, number][] {
  return [...values].sort(([, left], [, right]) => right - left);
}
