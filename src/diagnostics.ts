import type { KvReplica } from "./kv/kv-context.ts";
import type { KvAnswer, KvQuery } from "./kv/machine/kv-machine.ts";
import type { KvResult } from "./kv/machine/result.ts";
import type { CallOptions } from "./replica/calls/call.ts";
import type { Replica } from "./replica/replica.ts";

type Member = Replica<Uint8Array, KvResult, KvQuery, KvAnswer>;

/** What is used of `node:diagnostics_channel`. */
interface Channels {
  channel(name: string): Channel;
  tracingChannel(name: string): Tracing;
}

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface Tracing {
  readonly start: Channel;
  readonly asyncEnd: Channel;
  readonly error: Channel;
  tracePromise<Result>(run: () => Promise<Result>, context: object): Promise<Result>;
}

/** Node's own registry of channels; absent in browsers, where nothing is published. */
const channels = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
).process?.getBuiltinModule?.("node:diagnostics_channel") as Channels | undefined;

/** Publishes what a member tells of itself: channel `quorate:role` and so on, `{ member, args }` as the message. */
export function publishEvents(replica: Pick<Member, "name" | "observe">): void {
  if (channels === undefined) return;
  const byEvent = new Map<string, Channel>();
  replica.observe((event, args) => {
    const channel = byEvent.get(event) ?? channels.channel(`quorate:${event}`);
    byEvent.set(event, channel);
    if (channel.hasSubscribers) channel.publish({ member: replica.name, args });
  });
}

/**
 * The same member, with its commands and reads traced as `quorate:propose` and `quorate:barrier`, in the form of Node's
 * `tracingChannel`: how long each took, and what it failed with. Costs next to nothing while nobody subscribes.
 */
export function traced(replica: Member): KvReplica {
  if (channels === undefined) return replica;
  const proposals = channels.tracingChannel("quorate:propose");
  const barriers = channels.tracingChannel("quorate:barrier");
  return {
    id: replica.id,
    clock: replica.clock,
    get isLeader() {
      return replica.isLeader;
    },
    get memberIds() {
      return replica.memberIds;
    },
    on: (event, listener) => replica.on(event, listener),
    off: (event, listener) => replica.off(event, listener),
    propose(command: Uint8Array, options?: CallOptions): Promise<KvResult> {
      if (!isTraced(proposals)) return replica.propose(command, options);
      const context = { member: replica.name, bytes: command.length };
      return proposals.tracePromise(() => replica.propose(command, options), context);
    },
    barrier(options): Promise<void> {
      if (!isTraced(barriers)) return replica.barrier(options);
      return barriers.tracePromise(() => replica.barrier(options), { member: replica.name });
    },
  };
}

function isTraced({ start, asyncEnd, error }: Tracing): boolean {
  return start.hasSubscribers || asyncEnd.hasSubscribers || error.hasSubscribers;
}
