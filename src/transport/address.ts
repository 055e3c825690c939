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

/**
 * The address as limits count it: IPv4 as it is, also when it arrives inside IPv6, and the first 64 bits of IPv6, since
 * one host commonly has all the addresses that share them.
 */
export function addressBlock(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  if (!address.includes(":") || address === "::1") return address;
  const [head = "", tail] = address.split("%", 1)[0]!.toLowerCase().split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - behind.length);
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...behind];
  return `${all.slice(0, 4).join(":")}::/64`;
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
