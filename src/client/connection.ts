import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { Client, ClientDuplexStream, ClientReadableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { TlsFiles, type TlsOptions } from "../transport/tls/tls-files.ts";
import type { Endpoint } from "./endpoints.ts";

export type Grpc = typeof import("@grpc/grpc-js");
export type Duplex = ClientDuplexStream<Uint8Array, Uint8Array>;
export type Readable = ClientReadableStream<Uint8Array>;

const OPTIONS = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  // A broken path is noticed though nobody closed it. etcd allows a ping every five seconds.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1_000,
  "grpc.service_config_disable_resolution": 1,
};

const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** One server, and the connection to it: made when it is needed, and again when it has broken. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly #grpc: Grpc;
  readonly #tls: TlsFiles | null;
  #client: Client;
  #context: unknown;

  constructor(grpc: Grpc, endpoint: Endpoint, tls: TlsOptions) {
    this.#grpc = grpc;
    this.endpoint = endpoint;
    this.#tls = endpoint.isTls ? new TlsFiles(tls) : null;
    this.#context = this.#tls?.context;
    this.#client = this.#makeClient();
  }

  /** Whether a call can leave at once, or soon: waits while it is being connected. */
  async isReady(deadline: number): Promise<boolean> {
    const { connectivityState } = this.#grpc;
    this.#renew();
    const channel = this.#client.getChannel();
    for (;;) {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return true;
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) return false;
      const isLate = await new Promise<boolean>((resolve) => {
        channel.watchConnectivityState(state, deadline, (error) =>
          resolve(error !== undefined && error !== null),
        );
      });
      if (isLate) return false;
    }
  }

  unary(
    path: string,
    request: Uint8Array,
    metadata: Metadata,
    deadline: number,
    done: (error: ServiceError | null, response?: Uint8Array) => void,
  ): { cancel(): void } {
    return this.#client.makeUnaryRequest(path, asIs, (bytes) => bytes, request, metadata, { deadline }, done);
  }

  stream(path: string, metadata: Metadata): Duplex {
    return this.#client.makeBidiStreamRequest(path, asIs, (bytes: Buffer): Uint8Array => bytes, metadata);
  }

  serverStream(path: string, request: Uint8Array, metadata: Metadata): Readable {
    return this.#client.makeServerStreamRequest(
      path,
      asIs,
      (bytes: Buffer): Uint8Array => bytes,
      request,
      metadata,
    );
  }

  close(): void {
    this.#client.close();
  }

  /** Renewed certificates need a new connection; calls under way finish on the old one. */
  #renew(): void {
    this.#tls?.refresh();
    if (this.#tls?.context === this.#context) return;
    this.#context = this.#tls?.context;
    this.#client.close();
    this.#client = this.#makeClient();
  }

  #makeClient(): Client {
    const { Client, credentials } = this.#grpc;
    const { address } = this.endpoint;
    if (this.#tls === null) return new Client(address, credentials.createInsecure(), OPTIONS);

    const host = new URL(`https://${address}`).hostname.replace(/^\[|\]$/g, "");
    const verify = {
      rejectUnauthorized: true,
      checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
        checkServerIdentity(host, certificate),
    };
    const trusted = credentials.createFromSecureContext(this.#tls.context, verify);
    // An address is no name that TLS may ask for. Which one it asks for instead does not matter: the certificate is
    // held against the address.
    const named = isIP(host) === 0 ? {} : { "grpc.ssl_target_name_override": "localhost" };
    return new Client(address, trusted, { ...OPTIONS, ...named });
  }
}
