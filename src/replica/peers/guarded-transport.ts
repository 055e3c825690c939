import type { Done } from "../../base/callback.ts";
import type { Clock } from "../../base/clock.ts";
import { calling, isBytes, isFailure, rethrowing } from "../../base/foreign.ts";
import { warn } from "../../base/uncaught.ts";
import type {
  Peer,
  PeerTraffic,
  StrangerCounts,
  Transport,
  TransportHost,
} from "../../transport/transport.ts";
import { transportError } from "../failure.ts";
import { CLOSE_MS_MAX } from "../guarded-storage.ts";

/** How long a transport may take to begin to listen. */
const START_MS_MAX = 10_000;

/**
 * A transport that may be an application's own. No network can stop a member: where the transport throws or rejects at
 * `send` the frame counts as lost, and the process is warned, once for each method. What it brings runs by way of `enter`.
 */
export class GuardedTransport implements Transport {
  readonly strangers?: () => StrangerCounts;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #enter: (run: () => void) => void;
  readonly #warned = new Set<string>();
  #isOver = false;

  constructor(transport: Transport, clock: Clock, enter: (run: () => void) => void) {
    this.#transport = transport;
    this.#clock = clock;
    this.#enter = enter;
    const { strangers } = transport;
    if (strangers !== undefined) this.strangers = () => asked("strangers", () => strangers.call(transport));
  }

  /** Calls back in any case, in the end. */
  start(host: TransportHost, started: Done): void {
    const settle = this.#limited("start", START_MS_MAX, (error) => {
      if (error !== null) this.#giveUp();
      started(error);
    });
    calling(() => this.#transport.start(this.#entering(host), settle), settle);
  }

  /** Its member does not exist: what the transport has begun to open must not stay open. */
  #giveUp(): void {
    this.#isOver = true;
    calling(() => this.#transport.close(() => {}), this.#warnOf("close"));
  }

  setPeers(peers: readonly Peer[]): void {
    calling(() => this.#transport.setPeers(peers), this.#warnOf("setPeers"));
  }

  send(to: string, frame: Uint8Array): void {
    try {
      const given: unknown = this.#transport.send(to, frame);
      if (given !== undefined) calling(() => given, this.#warnOf("send"));
    } catch (error) {
      this.#warnOf("send")(error);
    }
  }

  metrics(): readonly PeerTraffic[] {
    return asked("metrics", () => this.#transport.metrics?.() ?? []);
  }

  /** Calls back in any case, in the end; the process is warned of a transport that does not. */
  close(closed: Done): void {
    const settle = this.#limited("close", CLOSE_MS_MAX, (error) => {
      this.#isOver = true;
      if (error !== null) this.#warnOf("close")(error);
      closed(null);
    });
    calling(() => this.#transport.close(settle), settle);
  }

  /** Tells of the first outcome, or that there was none in time. */
  #limited(method: string, limitMs: number, done: Done): (error: unknown) => void {
    let isSettled = false;
    const settle = (error: unknown): void => {
      if (isSettled) return;
      isSettled = true;
      timer.cancel();
      this.#enter(() => done(isFailure(error) ? transportError(method, error) : null));
    };
    const late = new Error(`it has not called back in ${limitMs} ms`);
    const timer = this.#clock.after(limitMs, () => settle(late));
    return settle;
  }

  #entering(host: TransportHost): TransportHost {
    const enter = (run: () => void): void => {
      if (!this.#isOver) this.#enter(run);
    };
    return {
      self: host.self,
      deliver: (from, frame) =>
        enter(() => {
          if (!isBytes(frame)) throw transportError("deliver", new TypeError("a frame must be a Uint8Array"));
          host.deliver(from, frame);
        }),
      peerUp: (name) => enter(() => host.peerUp(name)),
      peerDown: (name) => enter(() => host.peerDown(name)),
      refused: (reason) => enter(() => host.refused(transportError("refused", reason))),
      enrol: (newcomer, settle) =>
        enter(() =>
          host.enrol?.(newcomer, (error, ticket) => {
            calling(() => settle(error, ticket), this.#warnOf("enrol"));
          }),
        ),
    };
  }

  #warnOf(method: string): (cause: unknown) => void {
    return (cause) => {
      if (this.#warned.has(method)) return;
      this.#warned.add(method);
      warn(
        transportError(method, cause),
        "The member continues; later failures of the same method are not reported.",
      );
    };
  }
}

function asked<Value>(method: string, ask: () => Value): Value {
  return rethrowing(ask, (cause) => transportError(method, cause));
}
