import { QuorateError } from "../base/errors.ts";
import {
  anyText,
  definite,
  demand,
  milliseconds,
  nested,
  OptionTable,
  required,
  text,
} from "../base/options.ts";
import { exact } from "../base/surplus.ts";
import { type CodecValue, type ValuesOption, valueCodec, valuesOption } from "../kv/value-codec.ts";
import { TLS_OPTIONS, type TlsOptions } from "../transport/tls/tls-files.ts";
import { CALL_MS, Channel, type Credentials } from "./channel.ts";
import type { Grpc } from "./connection.ts";
import { parseEndpoints } from "./endpoints.ts";
import { RemoteStore } from "./remote-store.ts";

/** Options of `connect`: the servers, TLS, credentials, and how values are encoded. */
export interface ConnectOptions<Values extends ValuesOption = "utf8"> {
  /** The servers: `host:port`, `http://host:port` or `https://host:port`. One is used; the others when it fails. */
  readonly endpoints: string | readonly string[];
  /**
   * TLS, for endpoints without a scheme as well; with `http://` it is refused. `true` trusts what the system trusts.
   * Endpoints with `https://` need no `tls` where the system's authorities are enough.
   */
  readonly tls?: boolean | TlsOptions;
  readonly auth?: Credentials;
  /** Milliseconds that a call waits when it sets no `timeoutMs` of its own. Default 10,000. */
  readonly callTimeoutMs?: number | undefined;
  /** What values are: `utf8` text, `binary`, `json`, `msgpack`, or a codec of your own. */
  readonly values?: Values | undefined;
}

const CREDENTIALS = new OptionTable<Credentials>(
  "auth",
  { user: required(text), password: required(anyText) },
  "auth.",
);

const CONNECT_OPTIONS = new OptionTable<ConnectOptions<ValuesOption>>("connect", {
  endpoints: required(
    demand(
      "an address or a list of addresses",
      (value): value is string | readonly string[] =>
        text.isMet(value) || (Array.isArray(value) && value.every(text.isMet)),
    ),
  ),
  tls: definite(
    demand("true, false or TLS options", (value): value is boolean | TlsOptions => {
      return typeof value === "boolean" || nested(TLS_OPTIONS).isMet(value);
    }),
  ),
  auth: definite(nested(CREDENTIALS)),
  callTimeoutMs: milliseconds,
  values: valuesOption,
});

/**
 * Opens a store elsewhere, on a Quorate or an etcd cluster. Resolves at once; connections are made when they are
 * needed, and `ready` tells whether a server answers. Needs the package `@grpc/grpc-js`.
 *
 * A read that fails is made again on another server. A write is made
 * again only when it certainly did not happen; otherwise it throws, with the outcome `unknown`.
 *
 * Throws ERR_INVALID_ARGUMENT and ERR_PACKAGE_MISSING.
 *
 * @example
 * ```ts
 * import { open } from "quorate";
 * import { connect } from "quorate/client";
 * import { serveEtcd } from "quorate/etcd";
 *
 * const store = await open({});
 * const server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 } });
 * const remote = await connect({ endpoints: server.urls });
 * await remote.put("colour", "blue");
 * console.log(await store.get("colour")); // → blue
 * await remote.close();
 * await server.close();
 * await store.close();
 * ```
 */
export const connect = exact("connect", 1, async function connect<
  Values extends ValuesOption = "utf8",
>(options: ConnectOptions<Values>): Promise<RemoteStore<CodecValue<Values>>> {
  CONNECT_OPTIONS.check(options);
  const { endpoints, tls, auth, callTimeoutMs, values } = options;
  const codec = valueCodec((values ?? "utf8") as Values);
  const parsed = parseEndpoints([endpoints].flat(), typeof tls === "object" ? true : tls);
  const grpc = await importGrpc();
  const channel = new Channel(grpc, {
    endpoints: parsed,
    tls: typeof tls === "object" ? tls : {},
    credentials: auth ?? null,
    callTimeoutMs: callTimeoutMs ?? CALL_MS,
  });
  return new RemoteStore(channel, codec);
});

async function importGrpc(): Promise<Grpc> {
  try {
    return await import("@grpc/grpc-js");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const message = "a store elsewhere needs the package @grpc/grpc-js: npm install @grpc/grpc-js";
    throw new QuorateError("ERR_PACKAGE_MISSING", message, { package: "@grpc/grpc-js" }, { cause });
  }
}
