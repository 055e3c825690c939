import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { assert } from "../../base/assert.ts";
import { clearInterval, monotonicNow, setInterval } from "../../base/system-time.ts";
import type { SocketLink } from "../../http2/socket-link.ts";
import { addressBlock } from "../../transport/address.ts";
import type { ClientLimits } from "../client-limits.ts";
import type { ConnectionIntake, Intake } from "./intake.ts";

/** A connection that has not begun gives way before one that is idle once it is so old. */
const BEGUN_MS = 1_000;

/** Why connections were closed from here. */
export interface ClosedCounts {
  /** To make room for newer ones. */
  displaced: number;
  /** Their clients took too long to begin, or for a request. */
  slow: number;
  /** They had no call for long. */
  idle: number;
  /** Their clients did not read. */
  stalled: number;
}

/**
 * The connections of clients. There is always room for another: when there are too many, one gives way on which nothing
 * goes on, the longest idle first. Where calls go on everywhere, what comes is served health and metrics only.
 *
 * 1. There are never more than `connectionsMax` and `healthConnectionsMax` together.
 * 2. A connection with a call or a request under way is never displaced.
 * 3. One address never has more than `connectionsPerAddressMax`: beyond it, its own give way.
 */
export class Connections {
  readonly #limits: ClientLimits;
  readonly #intake: Intake;
  readonly #all = new Set<ClientConnection>();
  /** Those that are only served health, the oldest first. */
  readonly #reserve = new Set<ClientConnection>();
  readonly #byAddress = new Map<string, number>();
  readonly #byPlace = new Map<string, ClientConnection>();
  readonly #bySocket = new WeakMap<Socket, ClientConnection>();
  readonly #timer: NodeJS.Timeout;
  readonly closed: ClosedCounts = { displaced: 0, slow: 0, idle: 0, stalled: 0 };

  constructor(limits: ClientLimits, intake: Intake) {
    this.#limits = limits;
    this.#intake = intake;
    this.#timer = setInterval(() => this.#expire(), Math.min(1_000, limits.beginMs / 4)).unref();
  }

  get size(): number {
    return this.#all.size + this.#reserve.size;
  }

  /** Takes a connection as it is accepted. */
  admit(socket: Socket): ClientConnection {
    const address = addressBlock(socket.remoteAddress ?? "");
    const isReserve = !this.#makeRoom(address);
    const connection = new ClientConnection(socket, this.#intake.open(address), this.#limits, isReserve);
    this.name(socket, connection);
    const place = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#byPlace.set(place, connection);
    if (isReserve) this.#addToReserve(connection);
    else {
      this.#all.add(connection);
      this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
    }
    socket.once("close", () => {
      this.#forget(connection);
      if (this.#byPlace.get(place) === connection) this.#byPlace.delete(place);
    });
    return connection;
  }

  /** The same connection is met by another socket, that of TLS. */
  name(socket: Socket, connection: ClientConnection): void {
    this.#bySocket.set(socket, connection);
  }

  /** The connection that comes from the same place as this socket, which TLS has put around it. Null when it is gone. */
  at({ remoteAddress, remotePort }: Socket): ClientConnection | null {
    return this.#byPlace.get(`${remoteAddress}:${remotePort}`) ?? null;
  }

  of(socket: Socket): ClientConnection {
    const connection = this.#bySocket.get(socket);
    assert(connection !== undefined, "every connection was admitted");
    return connection;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  destroy(): void {
    for (const { socket } of [...this.#all, ...this.#reserve]) socket.destroy();
  }

  #makeRoom(address: string): boolean {
    const there = this.#byAddress.get(address) ?? 0;
    if (there >= this.#limits.connectionsPerAddressMax)
      return this.#displace((connection) => connection.address === address);
    return this.#all.size < this.#limits.connectionsMax || this.#displace(() => true);
  }

  #addToReserve(connection: ClientConnection): void {
    this.#reserve.add(connection);
    if (this.#reserve.size <= this.#limits.healthConnectionsMax) return;
    const [oldest] = this.#reserve;
    this.#end(oldest!, "displaced");
  }

  /** Ends the one that has waited longest, of the address that has most; false where calls go on everywhere. */
  #displace(isCandidate: (connection: ClientConnection) => boolean): boolean {
    const now = monotonicNow();
    let found: { readonly connection: ClientConnection; readonly rank: readonly number[] } | null = null;
    for (const connection of this.#all) {
      const since = connection.waitingSince;
      if (since === null || !isCandidate(connection)) continue;
      const isUnbegun = !connection.hasBegun && now - since > BEGUN_MS;
      const rank = [-this.#byAddress.get(connection.address)!, isUnbegun ? 0 : 1, since];
      if (found === null || isBefore(rank, found.rank)) found = { connection, rank };
    }
    if (found === null) return false;
    this.#end(found.connection, "displaced");
    return true;
  }

  #expire(): void {
    this.#intake.expire();
    const now = monotonicNow();
    for (const connection of [...this.#all, ...this.#reserve]) {
      const reason = connection.expire(now);
      if (reason !== null) this.#end(connection, reason);
    }
  }

  #end(connection: ClientConnection, reason: keyof ClosedCounts): void {
    this.closed[reason] += 1;
    this.#forget(connection);
    connection.end();
  }

  #forget(connection: ClientConnection): void {
    this.#reserve.delete(connection);
    if (!this.#all.delete(connection)) return;
    const left = this.#byAddress.get(connection.address)! - 1;
    if (left > 0) this.#byAddress.set(connection.address, left);
    else this.#byAddress.delete(connection.address);
  }
}

function isBefore(left: readonly number[], right: readonly number[]): boolean {
  const at = left.findIndex((number, place) => number !== right[place]);
  return at !== -1 && left[at]! < right[at]!;
}

/** One connection, and what goes on there. */
export class ClientConnection {
  /** As it was accepted. */
  readonly socket: Socket;
  readonly intake: ConnectionIntake;
  /** Whether there was no room for it, so that it is only served health. */
  readonly isReserve: boolean;
  readonly #limits: ClientLimits;
  /** Of HTTP/2. */
  #link: SocketLink | null = null;
  /** Of HTTP/1.1: whether a request has been begun, is being read, is being answered. */
  #exchange: "none yet" | "none" | "reading" | "answering" = "none yet";
  /** Requests that are not answered to the end: a client may send several at once. */
  #exchanges = 0;
  #since = monotonicNow();

  constructor(socket: Socket, intake: ConnectionIntake, limits: ClientLimits, isReserve: boolean) {
    this.socket = socket;
    this.intake = intake;
    this.isReserve = isReserve;
    this.#limits = limits;
  }

  get address(): string {
    return this.intake.address;
  }

  get hasBegun(): boolean {
    return this.#link === null ? this.#exchange !== "none yet" : this.#link.hasBegun;
  }

  /** Since when nothing goes on; null while a call or a request does. */
  get waitingSince(): number | null {
    if (this.#link !== null) return this.#link.idleSince;
    return this.isInExchange ? null : this.#since;
  }

  /** Whether a request of HTTP/1.1 is being read or answered. */
  get isInExchange(): boolean {
    return this.#exchange === "reading" || this.#exchange === "answering";
  }

  speakHttp2(link: SocketLink): void {
    this.#link = link;
  }

  /** A request of HTTP/1.1 begins. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
    this.#exchanges += 1;
    this.#become(hasBody ? "reading" : "answering");
    request.once("end", () => this.answer());
    response.once("close", () => {
      this.#exchanges -= 1;
      if (this.#exchanges === 0) this.#become("none");
    });
    request.socket.setTimeout(this.#limits.stalledMs);
  }

  /** Its request is here, or is a stream that may take as long as it wants to. */
  answer(): void {
    if (this.#exchange === "reading") this.#become("answering");
  }

  /** Why the connection has to end now, or null. */
  expire(now: number): keyof ClosedCounts | null {
    const { beginMs, requestMs, idleMs, stalledMs } = this.#limits;
    if (this.#link !== null) {
      if (this.#link.expire(now, this.#limits)) return null;
      const { idleSince } = this.#link;
      if (this.#link.isStalled(now, stalledMs)) return "stalled";
      return idleSince !== null && now - idleSince >= idleMs ? "idle" : null;
    }
    const ms = now - this.#since;
    if (this.isReserve) return ms >= beginMs ? "slow" : null;
    if (this.#exchange === "none yet" && ms >= beginMs) return "slow";
    if (this.#exchange === "none" && ms >= beginMs) return "idle";
    return this.#exchange === "reading" && ms >= requestMs ? "slow" : null;
  }

  /** Ends it at once. A client of HTTP/2 hears that it may go elsewhere with what it has not begun. */
  end(): void {
    if (this.#link !== null) this.#link.leave();
    else this.socket.destroy();
  }

  #become(exchange: "none" | "reading" | "answering"): void {
    this.#exchange = exchange;
    this.#since = monotonicNow();
  }
}
