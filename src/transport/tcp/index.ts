/** Members that reach each other by TCP, with a shared secret or TLS. */

export type { TlsOptions } from "../tls/tls-files.ts";
export type { PeerTlsOptions } from "../tls/tls-peers.ts";
export type { TcpLimits } from "./tcp-limits.ts";
export { type TcpOptions, type TcpTransport, tcp } from "./tcp-transport.ts";
