import { fieldBytes } from "./dynamic-table.ts";
import type { Field } from "./static-table.ts";

/** What the fields of one request may come to, each with what HPACK counts for it. */
export const HEAD_BYTES_MAX = 16 * 1024;

/** What speaks of the connection instead of the request (RFC 9113, section 8.2.2). */
const OF_THE_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const PSEUDO = new Set([":method", ":scheme", ":authority", ":path"]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE_BREAK = /[\0\r\n]/;

/** The fields that a request begins with, or ends with. */
export class RequestHead {
  readonly #fields = new Map<string, string>();
  #bytes = 0;
  #isMalformed = false;
  #hasPlain = false;

  /** A field that comes again is not looked at. */
  add(field: Field): void {
    this.#bytes += fieldBytes(field);
    if (this.isTooLarge) return;
    const { name, value } = field;
    if (!this.#mayFollow(name, value)) this.#isMalformed = true;
    else if (!this.#fields.has(name)) this.#fields.set(name, value);
  }

  get isTooLarge(): boolean {
    return this.#bytes > HEAD_BYTES_MAX;
  }

  /** Whether it may stand at the beginning of a request (section 8.3.1). */
  get isRequest(): boolean {
    if (this.#isMalformed || !this.#fields.has(":method")) return false;
    return this.#fields.has(":scheme") && (this.#fields.get(":path") ?? "") !== "";
  }

  /** Whether it may stand at the end. */
  get isTrailer(): boolean {
    return !this.#isMalformed && !this.#hasPseudo;
  }

  /** The value of a field, by its name in lower case. */
  get(name: string): string | undefined {
    return this.#fields.get(name);
  }

  get #hasPseudo(): boolean {
    return [...PSEUDO].some((name) => this.#fields.has(name));
  }

  /** Fields that HTTP/2 has of its own come first, and once each (section 8.3). */
  #mayFollow(name: string, value: string): boolean {
    if (VALUE_BREAK.test(value)) return false;
    if (name.startsWith(":")) return PSEUDO.has(name) && !this.#fields.has(name) && !this.#hasPlain;
    this.#hasPlain = true;
    if (!NAME.test(name) || OF_THE_CONNECTION.has(name)) return false;
    return name !== "te" || value === "trailers";
  }
}
