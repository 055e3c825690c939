/** The contract that a transport of your own fulfils. Begin with `Transport`. */

export type { Done } from "../base/callback.ts";
export type {
  Newcomer,
  Peer,
  PeerTraffic,
  Self,
  StrangerCounts,
  Transport,
  TransportHost,
} from "./transport.ts";
