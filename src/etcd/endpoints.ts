import { QuorateError } from "../base/errors.ts";
import { type HostPort, isLoopback, parseAddress } from "../transport/address.ts";
import { type EtcdOptions, invalid } from "./options.ts";
import { isClientChecked } from "./server-tls.ts";

/** Where to listen, and whether with TLS. */
export interface Endpoint {
  readonly address: HostPort;
  readonly isTls: boolean;
}

const LISTEN_URL = /^(https?):\/\/([^/?#]+)\/?$/;

/** Where clients are to be served. Throws ERR_INVALID_ARGUMENT, and ERR_INSECURE for what others could overhear. */
export function endpointsOf({ listen, tls, insecure = false }: EtcdOptions): Endpoint[] {
  const endpoints = isUrls(listen)
    ? listen.map((url) => endpointOf(url, "listen"))
    : [{ address: { host: listen.host ?? "127.0.0.1", port: listen.port }, isTls: tls !== undefined }];
  if (endpoints.length === 0) throw invalid("listen", listen, "must name an address");
  for (const endpoint of endpoints) checkEndpoint(endpoint, tls, insecure);
  if (tls !== undefined && !endpoints.some(({ isTls }) => isTls))
    throw invalid("listen", listen, "must name an https URL where tls is given: with http it has no effect");
  if (isClientChecked(tls) && !insecure && !endpoints.every(({ isTls }) => isTls)) {
    const claim =
      "may have no http URL where clients must show a certificate: whoever comes there shows none";
    throw invalid("listen", listen, `${claim}, unless insecure is said`);
  }
  return endpoints;
}

/** Where health and metrics are served by themselves. They tell little, but may not be overheard either. */
export function metricsEndpointsOf({ metricsUrls = [], tls, insecure = false }: EtcdOptions): Endpoint[] {
  return metricsUrls.map((url) => {
    const endpoint = endpointOf(url, "metricsUrls");
    checkEndpoint(endpoint, tls, insecure);
    return endpoint;
  });
}

function isUrls(listen: EtcdOptions["listen"]): listen is readonly string[] {
  return Array.isArray(listen);
}

function endpointOf(url: string, argument: string): Endpoint {
  const [, scheme, rest = ""] = LISTEN_URL.exec(url) ?? [];
  const address = parseAddress(rest);
  if (address === null) throw invalid(argument, url, "must be URLs such as http://127.0.0.1:2379");
  return { address, isTls: scheme === "https" };
}

function checkEndpoint(
  { address: { host }, isTls }: Endpoint,
  tls: EtcdOptions["tls"],
  insecure: boolean,
): void {
  if (isTls && tls === undefined) throw invalid("tls", undefined, "must be given where https is listened on");
  if (isTls || insecure || isLoopback(host)) return;
  const message = `${host} can be reached from other machines: give tls, or say that it is insecure`;
  throw new QuorateError("ERR_INSECURE", message, { address: host });
}
