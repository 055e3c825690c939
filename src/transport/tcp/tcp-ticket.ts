import { connect } from "node:net";
import { MalformedBytes } from "../../base/bytes.ts";
import { invalidArgument, QuorateError } from "../../base/errors.ts";
import { clearTimeout, setTimeout } from "../../base/system-time.ts";
import { parseAddress } from "../address.ts";
import { type PeerTlsOptions, TlsPeers } from "../tls/tls-peers.ts";
import type { Newcomer } from "../transport.ts";
import { protocolError, TcpConnection } from "./tcp-connection.ts";
import { NewcomerHandshake } from "./tcp-handshake.ts";

export interface TicketRequest {
  /** Who asks: the name that it takes, and the address that it was added with. */
  readonly newcomer: Newcomer;
  /** Whom to ask: a member by name and address. */
  readonly member: Newcomer;
  readonly secret?: string | undefined;
  readonly tls?: PeerTlsOptions | undefined;
  readonly timeoutMs: number;
}

/**
 * Asks a member for the ticket of one that was added to the cluster and has not started yet. Both prove who they are as
 * members do. Rejects with ERR_MEMBERSHIP when nobody was added under that name or address, ERR_IDENTITY_MISMATCH,
 * ERR_PROTOCOL, or ERR_TIMEOUT when the member does not answer.
 */
export function requestTicket({
  newcomer,
  member,
  secret = "",
  tls,
  timeoutMs,
}: TicketRequest): Promise<string> {
  const address = parseAddress(member.address);
  if (address === null) {
    throw invalidArgument("address", member.address, `${member.address} is no address`);
  }
  return new Promise((resolve, reject) => {
    const peers = tls === undefined ? null : new TlsPeers(tls, reject);
    const socket = peers === null ? connect(address) : peers.connect(address, member.name);
    const handshake = new NewcomerHandshake(secret, newcomer);
    const end = (): void => {
      clearTimeout(timer);
      connection.destroy();
    };
    const fail = (error: unknown): void => {
      end();
      reject(error);
    };
    const late = new QuorateError("ERR_TIMEOUT", `${member.name} did not answer in ${timeoutMs} ms`, {
      timeoutMs,
    });
    const timer = setTimeout(() => fail(late), timeoutMs);
    const connection = new TcpConnection(socket, {
      frame: (payload) => {
        try {
          const step = handshake.step(payload);
          if ("send" in step) connection.write([step.send]);
          else {
            end();
            resolve(step.ticket);
          }
        } catch (error) {
          if (error instanceof MalformedBytes) throw error;
          fail(error);
        }
      },
      lost: (error) => fail(error ?? protocolError(member.address, "it let go of the connection")),
      drained: () => {},
    });
    socket.on(peers === null ? "connect" : "secureConnect", () => connection.write([handshake.join]));
    socket.on("error", (error) =>
      fail(QuorateError.is(error) ? error : protocolError(member.address, error.message)),
    );
  });
}
