import { monotonicNow } from "../../base/system-time.ts";
import { Grpc, RpcError } from "../../wire/status.ts";
import type { ClientLimits } from "../client-limits.ts";

type IntakeLimits = Pick<
  ClientLimits,
  "requestMs" | "unfinishedBytesMax" | "unfinishedBytesPerAddressMax" | "unfinishedBytesPerConnectionMax"
>;

/** What has come in of requests that are not complete: their bytes, and since when each keeps us waiting. */
export class Intake {
  readonly #limits: IntakeLimits;
  readonly #now: () => number;
  /** Those that hold bytes or keep us waiting, the oldest first. */
  readonly #pending = new Set<PendingRequest>();
  readonly #byAddress = new Map<string, number>();
  #bytes = 0;
  /** Requests refused or given up since the start because too much was unfinished, or for too long. */
  refused = 0;

  constructor(limits: IntakeLimits, now: () => number = () => monotonicNow()) {
    this.#limits = limits;
    this.#now = now;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The share of one connection. */
  open(address: string): ConnectionIntake {
    return new ConnectionIntake(this, address);
  }

  /** Gives up the requests that have kept us waiting for too long. To be called now and then. */
  expire(): void {
    const deadline = this.#now() - this.#limits.requestMs;
    for (const request of this.#pending) {
      if (request.since > deadline) return;
      if (!request.isTimed) continue;
      this.#giveUp(request, new RpcError(Grpc.deadlineExceeded, "the request was not completed in time"));
    }
  }

  /** For requests. Throws RpcError where one connection or address has too much, and gives up the oldest where all have. */
  hold(request: PendingRequest, bytes: number): void {
    const { connection } = request;
    const ofAddress = (this.#byAddress.get(connection.address) ?? 0) + bytes;
    if (connection.bytes + bytes > this.#limits.unfinishedBytesPerConnectionMax)
      throw this.#refusal("too many unfinished messages on the connection");
    if (ofAddress > this.#limits.unfinishedBytesPerAddressMax)
      throw this.#refusal("too many unfinished messages from this address");
    this.#byAddress.set(connection.address, ofAddress);
    connection.bytes += bytes;
    this.#bytes += bytes;
    this.wait(request);
    while (this.#bytes > this.#limits.unfinishedBytesMax) this.#giveUpOldest();
  }

  /** For requests. */
  free(request: PendingRequest, bytes: number): void {
    const { connection } = request;
    const ofAddress = this.#byAddress.get(connection.address)! - bytes;
    if (ofAddress > 0) this.#byAddress.set(connection.address, ofAddress);
    else this.#byAddress.delete(connection.address);
    connection.bytes -= bytes;
    this.#bytes -= bytes;
  }

  /** For requests: this one keeps us waiting from now on, unless it does already. */
  wait(request: PendingRequest): void {
    if (this.#pending.has(request)) return;
    request.since = this.#now();
    this.#pending.add(request);
  }

  /** For requests. */
  forget(request: PendingRequest): void {
    this.#pending.delete(request);
  }

  #giveUpOldest(): void {
    for (const request of this.#pending) {
      if (request.bytes === 0) continue;
      this.#giveUp(request, new RpcError(Grpc.resourceExhausted, "too many unfinished messages"));
      return;
    }
  }

  #giveUp(request: PendingRequest, reason: RpcError): void {
    this.refused += 1;
    request.end();
    request.giveUp(reason);
  }

  #refusal(message: string): RpcError {
    this.refused += 1;
    return new RpcError(Grpc.resourceExhausted, message);
  }
}

/** What one connection has of it. */
export class ConnectionIntake {
  readonly address: string;
  readonly #intake: Intake;
  bytes = 0;

  constructor(intake: Intake, address: string) {
    this.#intake = intake;
    this.address = address;
  }

  /** `giveUp` ends the request: it took too long, if it is timed, or room is needed. */
  request(giveUp: (reason: RpcError) => void, isTimed = true): PendingRequest {
    return new PendingRequest(this.#intake, this, giveUp, isTimed);
  }
}

/** A request, or one message of a stream after the other, as far as it is not complete. */
export class PendingRequest {
  readonly connection: ConnectionIntake;
  readonly giveUp: (reason: RpcError) => void;
  readonly isTimed: boolean;
  readonly #intake: Intake;
  #bytes = 0;
  #isAwaited = false;
  /** Since when it keeps us waiting. For the intake. */
  since = 0;

  constructor(
    intake: Intake,
    connection: ConnectionIntake,
    giveUp: (reason: RpcError) => void,
    isTimed: boolean,
  ) {
    this.#intake = intake;
    this.connection = connection;
    this.giveUp = giveUp;
    this.isTimed = isTimed;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Something has to come now, though nothing of it is here yet; until `arrive`. */
  await(): void {
    this.#isAwaited = true;
    this.#intake.wait(this);
  }

  arrive(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    if (this.#bytes === 0) this.#intake.forget(this);
  }

  /** Throws RpcError when that is too much. */
  hold(bytes: number): void {
    this.#bytes += bytes;
    try {
      this.#intake.hold(this, bytes);
    } catch (error) {
      this.#bytes -= bytes;
      throw error;
    }
  }

  /** So many bytes are complete, or dropped. */
  free(bytes: number): void {
    const freed = Math.min(bytes, this.#bytes);
    this.#bytes -= freed;
    this.#intake.free(this, freed);
    if (this.#bytes === 0 && !this.#isAwaited) this.#intake.forget(this);
  }

  end(): void {
    this.#isAwaited = false;
    this.free(this.#bytes);
  }
}
