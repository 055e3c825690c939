import { type ChannelCredentials, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { type EtcdServer, serveEtcd } from "../../src/etcd/server.ts";
import { type OpenOptions, open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { METHODS, type Method } from "../../src/wire/services.ts";
import { isInstalled, startEtcd } from "./support/real-etcd.ts";

type AnyMethod<Request, Response> = Method<Request, Response>;

/** What became of a call: the response, or the code and text of the refusal. */
export type Outcome<Response> =
  | { readonly response: Response }
  | { readonly code: number; readonly text: string };

/** A gRPC client that knows no more than the tables of messages. */
export class Caller {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(url: string, token?: string, secured: ChannelCredentials = credentials.createInsecure()) {
    this.#client = new Client(url.replace(/^https?:\/\//, ""), secured);
    if (token !== undefined) this.#metadata.set("token", token);
  }

  call<Request, Response>(
    method: AnyMethod<Request, Response>,
    request: Partial<Request> = {},
  ): Promise<Outcome<Response>> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        method.path,
        (message: Partial<Request>) => Buffer.from(method.request.encode(message)),
        (bytes: Buffer) => method.response.decode(bytes),
        request,
        this.#metadata,
        { deadline: Date.now() + 10_000 },
        (error, response) => resolve(error === null ? { response: response! } : failure(error)),
      );
    });
  }

  /** The response; throws the refusal. */
  async must<Request, Response>(
    method: AnyMethod<Request, Response>,
    request: Partial<Request> = {},
  ): Promise<Response> {
    const outcome = await this.call(method, request);
    if ("response" in outcome) return outcome.response;
    throw new Error(`${method.path}: ${outcome.text}`);
  }

  /** The refusal's text, or `ok`. */
  async try<Request, Response>(
    method: AnyMethod<Request, Response>,
    request: Partial<Request> = {},
  ): Promise<string> {
    const outcome = await this.call(method, request);
    return "text" in outcome ? outcome.text : "ok";
  }

  /** Sends messages on a stream; `next` gives the responses one after the other, and at last what ended it. */
  stream<Request, Response>(method: AnyMethod<Request, Response>): Conversation<Request, Response> {
    const stream = this.#client.makeBidiStreamRequest(
      method.path,
      (message: Partial<Request>) => Buffer.from(method.request.encode(message)),
      (bytes: Buffer) => method.response.decode(bytes),
      this.#metadata,
    );
    const outcomes: Outcome<Response>[] = [];
    let wake = (): void => {};
    const tell = (outcome: Outcome<Response>): void => {
      outcomes.push(outcome);
      wake();
    };
    stream.on("data", (response: Response) => tell({ response }));
    stream.on("error", (error: ServiceError) => tell(failure(error)));
    stream.on("end", () => tell({ code: 0, text: "end" }));
    return {
      send: (request) => void stream.write(request),
      half: () => void stream.end(),
      cancel: () => stream.cancel(),
      next: async () => {
        while (outcomes.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        return outcomes.shift()!;
      },
    };
  }

  /** A token for this user. */
  async login(name: string, password: string): Promise<string> {
    return (await this.must(METHODS.authenticate, { name, password })).token;
  }

  close(): void {
    this.#client.close();
  }
}

export interface Conversation<Request, Response> {
  send(request: Partial<Request>): void;
  half(): void;
  cancel(): void;
  next(): Promise<Outcome<Response>>;
}

function failure(error: ServiceError): { code: number; text: string } {
  return { code: error.code, text: error.details };
}

/** What a test has opened, to be closed in reverse. */
export class Opened {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export interface Served {
  readonly store: Store<string>;
  readonly server: EtcdServer;
  readonly url: string;
}

export async function served(
  opened: Opened,
  options: OpenOptions = {},
  etcd: Partial<Parameters<typeof serveEtcd>[1]> = {},
): Promise<Served> {
  const store = await open(options);
  opened.add(() => store.close());
  const server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 }, ...etcd });
  opened.add(() => server.close());
  await store.ready();
  return { store, server, url: server.urls[0]! };
}

export function caller(opened: Opened, url: string, token?: string, secured?: ChannelCredentials): Caller {
  const one = new Caller(url, token, secured);
  opened.add(() => one.close());
  return one;
}

export const READ = 0;
export const WRITE = 1;
export const READWRITE = 2;

/** Users in a store that is served: root, and whoever else is wanted. */
export class Users {
  readonly url: string;
  readonly #opened: Opened;
  #root: Caller;

  constructor(opened: Opened, url: string, root: Caller) {
    this.#opened = opened;
    this.url = url;
    this.#root = root;
  }

  /** Makes the root user and enables authentication. */
  static async enable(opened: Opened, url: string): Promise<Users> {
    const anybody = caller(opened, url);
    await anybody.must(METHODS.userAdd, { name: "root", password: "root's" });
    await anybody.must(METHODS.userGrantRole, { user: "root", role: "root" });
    await anybody.must(METHODS.authEnable);
    return new Users(opened, url, caller(opened, url, await anybody.login("root", "root's")));
  }

  get root(): Caller {
    return this.#root;
  }

  /** Adds a user with these permissions, as `[type, key, range end]`, and logs it in. */
  async add(name: string, ...permissions: [number, string, string?][]): Promise<Caller> {
    await this.#root.must(METHODS.userAdd, { name, password: `${name}'s` });
    await this.#root.must(METHODS.roleAdd, { name });
    await this.#root.must(METHODS.userGrantRole, { user: name, role: name });
    for (const [permType, key, rangeEnd = ""] of permissions)
      await this.#root.must(METHODS.roleGrantPermission, { name, perm: { permType, key, rangeEnd } });
    return this.login(name);
  }

  async login(name: string): Promise<Caller> {
    return caller(this.#opened, this.url, await this.#root.login(name, `${name}'s`));
  }
}

/** A real etcd of its own, or null where none is installed. */
export async function realEtcd(opened: Opened): Promise<string | null> {
  if (!isInstalled("etcd")) return null;
  const etcd = await startEtcd(["--bcrypt-cost", "4"]);
  opened.add(() => etcd.stop());
  return `http://${etcd.endpoint}`;
}
