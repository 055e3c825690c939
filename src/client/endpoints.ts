import { invalidArgument } from "../base/errors.ts";

/** A server that can be asked. */
export interface Endpoint {
  /** `host:port`. */
  readonly address: string;
  readonly isTls: boolean;
}

/**
 * Reads `host:port`, `http://host:port` or `https://host:port`. `tls` is what the caller has said: whether to use it, or
 * undefined for nothing. Throws ERR_INVALID_ARGUMENT, also where a URL says otherwise.
 */
export function parseEndpoints(texts: readonly string[], tls: boolean | undefined): Endpoint[] {
  if (texts.length === 0) throw invalidArgument("endpoints", texts, "at least one endpoint is needed");
  return texts.map((text) => {
    const withScheme = text.includes("://") ? text : `${tls === true ? "https" : "http"}://${text}`;
    const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
    const isKnown = url?.protocol === "http:" || url?.protocol === "https:";
    if (url === null || !isKnown || !/:\d+\/?$/.test(withScheme))
      throw invalidArgument("endpoints", text, `"${text}" is no endpoint`);
    const isTls = url.protocol === "https:";
    if (tls === true && !isTls)
      throw invalidArgument(
        "endpoints",
        text,
        `${text} is not encrypted, but tls is given: write https://, or no scheme`,
      );
    if (tls === false && isTls)
      throw invalidArgument(
        "tls",
        tls,
        `${text} is a URL of TLS, but tls is false: leave tls out, or write http://`,
      );
    const port = url.port === "" ? (isTls ? "443" : "80") : url.port;
    return { address: `${url.hostname}:${port}`, isTls };
  });
}
