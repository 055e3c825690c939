import { invalidArgument } from "../base/errors.ts";

/** A server that can be asked. */
export interface Endpoint {
  /** `host:port`. */
  readonly address: string;
  readonly isTls: boolean;
}

/** Reads `host:port`, `http://host:port` or `https://host:port`. Throws ERR_INVALID_ARGUMENT. */
export function parseEndpoints(texts: readonly string[], usesTls: boolean): Endpoint[] {
  if (texts.length === 0) throw invalidArgument("endpoints", texts, "at least one endpoint is needed");
  return texts.map((text) => {
    const withScheme = text.includes("://") ? text : `${usesTls ? "https" : "http"}://${text}`;
    const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
    const isKnown = url?.protocol === "http:" || url?.protocol === "https:";
    if (url === null || !isKnown || !/:\d+\/?$/.test(withScheme))
      throw invalidArgument("endpoints", text, `"${text}" is no endpoint`);
    const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
    return { address: `${url.hostname}:${port}`, isTls: url.protocol === "https:" };
  });
}
