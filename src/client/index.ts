/** The store of a Quorate or etcd cluster elsewhere, with the interface of a store in this process. */
export type { Credentials } from "./channel.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type { NewRemoteMember, RemoteCluster, RemoteMember, RemoteStatus } from "./remote-cluster.ts";
export { RemoteStore } from "./remote-store.ts";
