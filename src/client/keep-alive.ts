import type { ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../base/clock.ts";
import type { LeaseId } from "../kv/mvcc/key-history.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import { METHODS } from "../wire/services.ts";
import type { Channel } from "./channel.ts";
import { failureOf } from "./failure.ts";

/** How long one server may take: a lease is short, and another one can be asked. */
const RENEWAL_MS = 1_000;

/**
 * Renews leases, once, and tells the time that each has now in milliseconds, 0 for one that is gone. A stream for each
 * renewal costs little: one is due after a third of a lease's time, for all leases together.
 */
export async function keepAlive(
  channel: Channel,
  leases: readonly LeaseId[],
  options: CallOptions,
): Promise<{ readonly revision: number; readonly ttlsMs: readonly number[] }> {
  const { stream, connection } = await channel.open(METHODS.leaseKeepAlive, options);
  try {
    return await new Promise((resolve, reject) => {
      const ttls = new Map<LeaseId, number>();
      let revision = 0;
      const timer = systemClock.after(options.timeoutMs ?? RENEWAL_MS, () => stream.cancel());
      stream.on("data", (bytes: Uint8Array) => {
        const { id, ttl, header } = METHODS.leaseKeepAlive.response.decode(bytes);
        ttls.set(id, Math.max(0, ttl) * 1_000);
        revision = header?.revision ?? revision;
        if (ttls.size < leases.length) return;
        timer.cancel();
        resolve({ revision, ttlsMs: leases.map((lease) => ttls.get(lease) ?? 0) });
      });
      stream.on("error", (error: ServiceError) => {
        timer.cancel();
        const failure = failureOf(error, { isWrite: false, seenRevision: channel.seenRevision });
        if (failure.needsToken) channel.forgetToken();
        reject(failure.error);
      });
      stream.on("end", () => stream.cancel());
      for (const id of leases) stream.write(METHODS.leaseKeepAlive.request.encode({ id }));
    });
  } catch (error) {
    channel.rotate(connection);
    throw error;
  } finally {
    stream.on("error", () => {});
    stream.cancel();
  }
}
