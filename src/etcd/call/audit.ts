import { channel } from "node:diagnostics_channel";
import { METHODS } from "../../wire/services.ts";
import { Grpc, RpcError, STATUS, type StatusName } from "../../wire/status.ts";
import { AUDITED, type Audited } from "./audit-policy.ts";
import { auditSubject } from "./audit-subject.ts";
import type { Front } from "./front.ts";
import type { RpcCall } from "./rpc-server.ts";

/** Who did what, or was not let, as told on the channel `quorate:audit` of `node:diagnostics_channel`. */
export interface AuditEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The member that was asked. */
  readonly member: string;
  /** Empty when the call named no user, or one that is not known. */
  readonly user: string;
  /** Where the call came from, `host:port`. */
  readonly address: string;
  /** gRPC's path, such as `/etcdserverpb.Auth/UserAdd`. */
  readonly method: string;
  /** What it was about: names, ids and key ranges; never a value, a password or a token. */
  readonly about: Readonly<Record<string, unknown>>;
  /** gRPC's code: 0 when it was done. */
  readonly code: number;
  /** Why not, in etcd's words; empty when it was done. */
  readonly message: string;
}

export const AUDIT_CHANNEL = "quorate:audit";

const events = channel(AUDIT_CHANNEL);

const OF_PATH: ReadonlyMap<string, Audited> = new Map(
  Object.entries(METHODS).map(([name, { path }]) => [path, AUDITED[name as keyof typeof METHODS]]),
);

/** Tells of calls by which somebody changes what others may do, or does what they may not. */
export class Audit {
  readonly #front: Front;
  readonly #hasWrites: boolean;

  constructor(front: Front, hasWrites: boolean) {
    this.#front = front;
    this.#hasWrites = hasWrites;
  }

  /** Tells how a call ended, if it is one to tell of. `user` is null where nobody was let in. */
  ended(
    path: string,
    call: RpcCall,
    request: object | null,
    user: string | null,
    error: RpcError | null,
  ): void {
    if (!events.hasSubscribers || !this.#isTold(path, request, error)) return;
    const event: AuditEvent = {
      time: this.#front.clock.wall(),
      member: this.#front.name,
      user: user ?? this.#userOf(call),
      address: call.address,
      method: path,
      about: request === null ? {} : auditSubject(request),
      code: error?.code ?? 0,
      message: error?.message ?? "",
    };
    events.publish(event);
  }

  #isTold(path: string, request: object | null, error: RpcError | null): boolean {
    if (error !== null && isForbidden(error)) return true;
    const audited = OF_PATH.get(path);
    if (audited === "write") return this.#hasWrites;
    return audited === "always" && !asksForAlarms(path, request);
  }

  /** Whoever was not let in may be known all the same. */
  #userOf(call: RpcCall): string {
    try {
      return this.#front.gate.identify(call).user;
    } catch (error) {
      if (error instanceof RpcError) return "";
      throw error;
    }
  }
}

const FORBIDDEN: readonly StatusName[] = [
  "permissionDenied",
  "invalidAuthToken",
  "userEmpty",
  "authOldRevision",
];

function isForbidden({ code, message }: RpcError): boolean {
  if (code === Grpc.permissionDenied || code === Grpc.unauthenticated) return true;
  return FORBIDDEN.some((name) => STATUS[name][1] === message);
}

function asksForAlarms(path: string, request: object | null): boolean {
  return path === METHODS.alarm.path && (request as { action: number } | null)?.action === 0;
}
