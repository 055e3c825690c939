import { connect, createServer, type Server, type Socket } from "node:net";
import type { QuorateError } from "../../src/base/errors.ts";
import { FrameDecoder } from "../../src/transport/codec/framing.ts";
import { HANDSHAKE_BYTES_MAX } from "../../src/transport/codec/handshake-codec.ts";
import type { TcpLimits } from "../../src/transport/tcp/tcp-limits.ts";
import { type TcpOptions, type TcpTransport, tcp } from "../../src/transport/tcp/tcp-transport.ts";
import type { Self, TransportHost } from "../../src/transport/transport.ts";

export const CLUSTER_ID = "c".repeat(32);

export function selfNamed(name: string, changes: Partial<Self> = {}): Self {
  const id = name.charCodeAt(0);
  return {
    clusterId: CLUSTER_ID,
    name,
    id,
    storeId: `store-${name}`,
    bootEpoch: 1,
    address: "127.0.0.1:0",
    ...changes,
  };
}

/** A member over TCP, and everything that it was told. */
export class TcpMember implements TransportHost {
  readonly self: Self;
  readonly transport: TcpTransport;
  readonly received: { from: string; frame: Uint8Array }[] = [];
  readonly news: string[] = [];
  readonly refusals: QuorateError[] = [];
  enrol?: NonNullable<TransportHost["enrol"]>;

  constructor(self: Self, options: TcpOptions = {}) {
    this.self = self;
    this.transport = tcp(options);
  }

  get address(): string {
    return this.transport.address()!;
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  deliver(from: string, frame: Uint8Array): void {
    this.received.push({ from, frame });
  }

  peerUp(name: string): void {
    this.news.push(`${name} up`);
  }

  peerDown(name: string): void {
    this.news.push(`${name} down`);
  }

  refused(reason: QuorateError): void {
    this.refusals.push(reason);
  }

  start(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.transport.start(this, (error) => (error === null ? resolve(this) : reject(error)));
    });
  }

  knows(...members: readonly TcpMember[]): void {
    this.transport.setPeers(members.map(({ self, address }) => ({ name: self.name, id: self.id, address })));
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.transport.close((error) => (error === null ? resolve() : reject(error)));
    });
  }
}

/** Members, servers and sockets of one test, and their end. */
export class TcpWorld {
  readonly #ends: (() => Promise<void>)[] = [];

  async member(
    name: string,
    { self = {}, ...options }: TcpOptions & { self?: Partial<Self> } = {},
  ): Promise<TcpMember> {
    const member = new TcpMember(selfNamed(name, self), options);
    await member.start();
    this.#ends.push(() => member.close());
    return member;
  }

  /** Two members that know each other and are connected both ways. */
  async pair(limits: Partial<TcpLimits> = {}): Promise<[TcpMember, TcpMember]> {
    const [a, b] = [await this.member("a", { limits }), await this.member("b", { limits })];
    a.knows(b);
    b.knows(a);
    await until(() => a.news.length > 0 && b.news.length > 0, "both are up");
    return [a, b];
  }

  /** A stranger's connection. */
  async stranger(port: number): Promise<Stranger> {
    const stranger = new Stranger(connect(port, "127.0.0.1"));
    this.#ends.push(async () => void stranger.socket.destroy());
    await until(() => stranger.isConnected, "a connection");
    return stranger;
  }

  /** A server that is no member. */
  async server(onSocket: (socket: Socket) => void): Promise<Server> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onSocket(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#ends.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return server;
  }

  /** A way to a member that a test can break. */
  async path(to: TcpMember): Promise<Path> {
    const path = new Path(to.port);
    const server = await this.server((socket) => path.join(socket));
    path.address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    this.#ends.push(async () => path.break());
    return path;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** Joins each connection to a new one to the member, until told otherwise. */
export class Path {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  address = "";
  dialled = 0;
  /** Swallows everything and says nothing. */
  isSilent = false;
  /** Lets the handshake pass, and nothing after it. */
  breaksOnceAccepted = false;

  constructor(port: number) {
    this.#port = port;
  }

  join(near: Socket): void {
    this.dialled += 1;
    const far = connect(this.#port, "127.0.0.1");
    this.#carry(near, far);
    this.#carry(far, near);
    let answers = 0;
    far.on("data", () => {
      // The second is the acceptance.
      answers += 1;
      if (answers === 2 && this.breaksOnceAccepted) near.end();
    });
  }

  break(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => {});
    from.on("data", (piece) => this.isSilent || to.write(piece));
    from.on("close", () => to.destroy());
  }
}

/** Someone who speaks TCP and perhaps more. */
export class Stranger {
  readonly socket: Socket;
  readonly frames: Uint8Array[] = [];
  isConnected = false;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    const decoder = new FrameDecoder(HANDSHAKE_BYTES_MAX);
    socket.on("connect", () => {
      this.isConnected = true;
    });
    socket.on("data", (piece: Uint8Array) => {
      decoder.push(piece);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) this.frames.push(frame);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
    });
  }
}

/** Waits until the claim holds; fails after ten seconds. */
export async function until(claim: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
