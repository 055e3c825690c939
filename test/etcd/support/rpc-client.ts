import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { Method } from "../../../src/wire/services.ts";

/** How a call ended: with an answer, or with gRPC's code and text. */
export type Outcome<Response> =
  | { readonly ok: Response }
  | { readonly code: number; readonly message: string };

/** A client that knows the methods of the table, and nothing else. */
export class RpcClient {
  readonly #client: Client;

  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
  }

  call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Outcome<Response>> {
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        method.path,
        encoder(method),
        decoder(method),
        request,
        metadata(headers),
        { deadline: Date.now() + 20_000 },
        (error, response) => resolve(error === null ? { ok: response! } : failure(error)),
      );
    });
  }

  /** The answer of a call that must succeed. */
  async ask<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Response> {
    const outcome = await this.call(method, request);
    if ("ok" in outcome) return outcome.ok;
    throw new Error(`${method.path}: ${outcome.code} ${outcome.message}`);
  }

  stream<Request, Response>(
    method: Method<Request, Response>,
    headers: Readonly<Record<string, string>> = {},
  ): ClientDuplexStream<Partial<Request>, Response> {
    return this.#client.makeBidiStreamRequest(
      method.path,
      encoder(method),
      decoder(method),
      metadata(headers),
    );
  }

  /** All messages of a method that gives many for one. */
  collect<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
  ): Promise<Outcome<Response[]>> {
    return new Promise((resolve) => {
      const messages: Response[] = [];
      const stream = this.#client.makeServerStreamRequest(
        method.path,
        encoder(method),
        decoder(method),
        request,
        { deadline: Date.now() + 60_000 },
      );
      stream.on("data", (message: Response) => messages.push(message));
      stream.on("error", (error: ServiceError) => resolve(failure(error)));
      stream.on("end", () => resolve({ ok: messages }));
    });
  }

  close(): void {
    this.#client.close();
  }
}

function encoder<Request>({ request }: Method<Request, never> | Method<Request, unknown>) {
  return (message: Partial<Request>): Buffer => Buffer.from(request.encode(message));
}

function decoder<Response>({ response }: Method<never, Response> | Method<unknown, Response>) {
  return (bytes: Buffer): Response => response.decode(bytes);
}

function metadata(headers: Readonly<Record<string, string>>): Metadata {
  const found = new Metadata();
  for (const [name, value] of Object.entries(headers)) found.set(name, value);
  return found;
}

function failure({ code, details }: ServiceError) {
  return { code: code as number, message: details };
}
