import type { Socket } from "node:net";
import { connect, createServer, type PeerCertificate, type Server, type TLSSocket } from "node:tls";
import type { QuorateError } from "../../base/errors.ts";
import type { HostPort } from "../address.ts";
import { mismatch } from "../codec/handshake-codec.ts";
import { MUTUAL_TLS_OPTIONS, TlsFiles, type TlsOptions } from "./tls-files.ts";

/** With what members prove to each other who they are: all three, each PEM text or the path of a PEM file. */
export interface PeerTlsOptions extends TlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * Mutual TLS between members. Both ends show a certificate of the same authority, and it must name the member that
 * they say they are, as a DNS name or as the common name: the certificate of one member cannot speak for another.
 * Where a member is reached does not matter, so certificates need no addresses.
 */
export class TlsPeers {
  readonly #files: TlsFiles;
  readonly #onUnusable: (error: QuorateError) => void;

  /** `onUnusable` is told of renewed files that cannot be used. Throws ERR_INVALID_ARGUMENT. */
  constructor(options: PeerTlsOptions, onUnusable: (error: QuorateError) => void) {
    MUTUAL_TLS_OPTIONS.check(options);
    this.#files = new TlsFiles(options);
    this.#onUnusable = onUnusable;
  }

  /** Dials a member. The socket emits `secureConnect` once the other end has proved to be it. */
  connect({ host, port }: HostPort, name: string): TLSSocket {
    this.#refresh();
    return connect({
      host,
      port,
      secureContext: this.#files.context,
      // Not even where the environment tells Node otherwise.
      rejectUnauthorized: true,
      checkServerIdentity: (_host, certificate) => {
        const names = certificateNames(certificate);
        return names.includes(name) ? undefined : mismatch("certificate", name, names.join(" "));
      },
    });
  }

  /** What dialled connections are handed to. It tells of those whose certificate holds, with the names in it. */
  acceptor(accepted: (socket: TLSSocket, names: readonly string[]) => void): TlsAcceptor {
    const server = createServer({ ...this.#files.options, requestCert: true, rejectUnauthorized: true });
    server.on("secureConnection", (socket) =>
      accepted(socket, certificateNames(socket.getPeerCertificate())),
    );
    let used = this.#files.options;
    return new TlsAcceptor(server, () => {
      this.#refresh();
      if (this.#files.options === used) return;
      used = this.#files.options;
      server.setSecureContext(used);
    });
  }

  #refresh(): void {
    const error = this.#files.refresh();
    if (error !== null) this.#onUnusable(error);
  }
}

/** The accepting end of TLS, over sockets that somebody else has accepted. */
export class TlsAcceptor {
  readonly #server: Server;
  readonly #refresh: () => void;

  constructor(server: Server, refresh: () => void) {
    this.#server = server;
    this.#refresh = refresh;
  }

  /** Told why a connection did not come about. */
  onFailure(failed: (socket: TLSSocket, error: NodeJS.ErrnoException) => void): void {
    this.#server.on("tlsClientError", (error, socket) => failed(socket, error));
  }

  take(socket: Socket): void {
    this.#refresh();
    this.#server.emit("connection", socket);
  }
}

/** The members for which a certificate may speak. */
export function certificateNames({ subject, subjectaltname = "" }: PeerCertificate): string[] {
  // Names that need quoting are nobody's, and could hide others among them.
  const alternatives = subjectaltname.includes('"') ? [] : subjectaltname.split(", ");
  const names = alternatives
    .filter((name) => name.startsWith("DNS:"))
    .map((name) => name.slice("DNS:".length));
  return [...new Set([...names, ...[subject?.CN ?? []].flat()])];
}
