/** The core driven as etcd's is, for replaying etcd's own scenario files. */

export { etcdProfile } from "./options.ts";
export { type Ready, SynchronousRaft } from "./synchronous.ts";
