import { QuorateError } from "../base/errors.ts";

/** Where a member is reached. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const PATTERN = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/;

/** Reads `host:port` or `[IPv6]:port`; null when it is neither. Port 0 is for listening: any free port. */
export function parseAddress(address: string): HostPort | null {
  const parts = PATTERN.exec(address);
  if (parts === null) return null;
  const port = Number(parts[3]);
  return port > 65535 ? null : { host: (parts[1] ?? parts[2])!, port };
}

export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only processes of the same machine can be met there. A name that has to be looked up can be anywhere. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The system does not let this process listen there. */
export function listenError(
  address: string,
  cause: Error & { readonly code?: string | undefined },
): QuorateError<"ERR_LISTEN"> {
  const errno = cause.code ?? "unknown";
  return new QuorateError(
    "ERR_LISTEN",
    `cannot listen on ${address}: ${errno}`,
    { address, errno },
    { cause },
  );
}
