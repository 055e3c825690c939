import { MalformedBytes } from "../base/bytes.ts";
import { type AuthChangeReason, type ErrorCode, QuorateError } from "../base/errors.ts";

/** gRPC's codes, as far as they are given here. */
export const Grpc = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** All of gRPC's codes, by number. */
const CODE_NAMES = [
  ...["OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"],
  ...["PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange"],
  ...["Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"],
];

/** A code as Go prints it. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? "Unknown";
}

export type GrpcCode = (typeof Grpc)[keyof typeof Grpc];

type Status = readonly [code: GrpcCode, text: string];

/** What etcd answers. Its clients tell errors apart by the text, so neither may change by a letter. */
export const STATUS = {
  emptyKey: [Grpc.invalidArgument, "etcdserver: key is not provided"],
  keyNotFound: [Grpc.invalidArgument, "etcdserver: key not found"],
  valueProvided: [Grpc.invalidArgument, "etcdserver: value is provided"],
  leaseProvided: [Grpc.invalidArgument, "etcdserver: lease is provided"],
  tooManyOps: [Grpc.invalidArgument, "etcdserver: too many operations in txn request"],
  duplicateKey: [Grpc.invalidArgument, "etcdserver: duplicate key given in txn request"],
  invalidSortOption: [Grpc.invalidArgument, "etcdserver: invalid sort option"],
  compacted: [Grpc.outOfRange, "etcdserver: mvcc: required revision has been compacted"],
  futureRevision: [Grpc.outOfRange, "etcdserver: mvcc: required revision is a future revision"],
  noSpace: [Grpc.resourceExhausted, "etcdserver: mvcc: database space exceeded"],
  // Not of etcd, whose member ends when its disk is full. Clients do not try again by themselves after this code.
  diskFull: [Grpc.resourceExhausted, "etcdserver: disk is full"],
  leaseNotFound: [Grpc.notFound, "etcdserver: requested lease not found"],
  leaseExists: [Grpc.failedPrecondition, "etcdserver: lease already exists"],
  leaseTtlTooLarge: [Grpc.outOfRange, "etcdserver: too large lease TTL"],
  watchCanceled: [Grpc.cancelled, "etcdserver: watch canceled"],
  peerUrlExists: [Grpc.failedPrecondition, "etcdserver: Peer URLs already exists"],
  memberBadUrls: [Grpc.invalidArgument, "etcdserver: given member URLs are invalid"],
  memberNotFound: [Grpc.notFound, "etcdserver: member not found"],
  memberNotLearner: [Grpc.failedPrecondition, "etcdserver: can only promote a learner member"],
  learnerNotReady: [
    Grpc.failedPrecondition,
    "etcdserver: can only promote a learner member which is in sync with leader",
  ],
  tooManyLearners: [Grpc.failedPrecondition, "etcdserver: too many learner members in cluster"],
  notEnoughStarted: [
    Grpc.failedPrecondition,
    "etcdserver: re-configuration failed due to not enough started members",
  ],
  requestTooLarge: [Grpc.invalidArgument, "etcdserver: request is too large"],
  tooManyRequests: [Grpc.resourceExhausted, "etcdserver: too many requests"],
  rootUserNotExist: [Grpc.failedPrecondition, "etcdserver: root user does not exist"],
  rootRoleNotExist: [Grpc.failedPrecondition, "etcdserver: root user does not have root role"],
  userExists: [Grpc.failedPrecondition, "etcdserver: user name already exists"],
  userEmpty: [Grpc.invalidArgument, "etcdserver: user name is empty"],
  userNotFound: [Grpc.failedPrecondition, "etcdserver: user name not found"],
  roleExists: [Grpc.failedPrecondition, "etcdserver: role name already exists"],
  roleNotFound: [Grpc.failedPrecondition, "etcdserver: role name not found"],
  roleEmpty: [Grpc.invalidArgument, "etcdserver: role name is empty"],
  authFailed: [Grpc.invalidArgument, "etcdserver: authentication failed, invalid user ID or password"],
  permissionNotGiven: [Grpc.invalidArgument, "etcdserver: permission not given"],
  permissionDenied: [Grpc.permissionDenied, "etcdserver: permission denied"],
  roleNotGranted: [Grpc.failedPrecondition, "etcdserver: role is not granted to the user"],
  permissionNotGranted: [Grpc.failedPrecondition, "etcdserver: permission is not granted to the role"],
  authNotEnabled: [Grpc.failedPrecondition, "etcdserver: authentication is not enabled"],
  invalidAuthToken: [Grpc.unauthenticated, "etcdserver: invalid auth token"],
  invalidAuthManagement: [Grpc.invalidArgument, "etcdserver: invalid auth management"],
  authOldRevision: [Grpc.invalidArgument, "etcdserver: revision of auth store is old"],
  noLeader: [Grpc.unavailable, "etcdserver: no leader"],
  notLeader: [Grpc.failedPrecondition, "etcdserver: not leader"],
  stopped: [Grpc.unavailable, "etcdserver: server stopped"],
  timeout: [Grpc.unavailable, "etcdserver: request timed out"],
  leaderTransferTimeout: [Grpc.unknown, "etcdserver: request timed out, leader transfer took too long"],
  unhealthy: [Grpc.unavailable, "etcdserver: unhealthy cluster"],
  corrupt: [Grpc.dataLoss, "etcdserver: corrupt cluster"],
  notSupportedForLearner: [Grpc.failedPrecondition, "etcdserver: rpc not supported for learner"],
  badLeaderTransferee: [Grpc.failedPrecondition, "etcdserver: bad leader transferee"],
  wrongDowngradeVersion: [Grpc.invalidArgument, "etcdserver: wrong downgrade target version format"],
  invalidDowngradeVersion: [Grpc.invalidArgument, "etcdserver: invalid downgrade target version"],
  noInflightDowngrade: [Grpc.failedPrecondition, "etcdserver: no inflight downgrade job"],
  canceled: [Grpc.cancelled, "etcdserver: request canceled"],
  leaderMissing: [Grpc.unknown, '"leader" field must be provided'],
  electionNotLeader: [Grpc.unknown, "election: not leader"],
  electionNoLeader: [Grpc.unknown, "election: no leader"],
  sessionExpired: [Grpc.unknown, "mvcc: session expired"],
  sortedStream: [Grpc.unimplemented, "RangeStream does not support custom sort orders"],
  filteredStream: [Grpc.unimplemented, "RangeStream does not support revision filters"],
  unknownCompare: [Grpc.invalidArgument, "etcdserver: unknown comparison in txn request"],
  emptyWatch: [Grpc.invalidArgument, "mvcc: watcher range is empty"],
  duplicateWatchId: [Grpc.invalidArgument, "mvcc: duplicate watch ID provided on the WatchStream"],
  unknownService: [Grpc.notFound, "unknown service"],
} as const satisfies Record<string, Status>;

export type StatusName = keyof typeof STATUS;

/** How a call fails. The message goes to the client. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: GrpcCode;

  constructor(code: GrpcCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function refusal(name: StatusName): RpcError {
  const [code, text] = STATUS[name];
  return new RpcError(code, text);
}

/** What etcd calls the errors of a store; null where it has no word for it. */
const OF_CODE: Readonly<Record<ErrorCode, StatusName | null>> = {
  ERR_INVALID_ARGUMENT: null,
  ERR_TOO_LARGE: "requestTooLarge",
  ERR_NO_QUORUM: "timeout",
  ERR_TIMEOUT: "timeout",
  ERR_BUSY: "tooManyRequests",
  ERR_CLOSED: "stopped",
  ERR_LOCKED: null,
  ERR_FOREIGN_DIRECTORY: null,
  ERR_IDENTITY_MISMATCH: null,
  ERR_OPTION_MISMATCH: null,
  ERR_INCOMPATIBLE: null,
  ERR_CORRUPT: "stopped",
  ERR_DISK: "stopped",
  ERR_DISK_FULL: "diskFull",
  ERR_LISTEN: null,
  ERR_INSECURE: null,
  ERR_PACKAGE_MISSING: null,
  ERR_PROTOCOL: null,
  ERR_SNAPSHOT_TRANSFER: null,
  ERR_COMPACTED: "compacted",
  ERR_FUTURE_REVISION: "futureRevision",
  ERR_LEASE_NOT_FOUND: "leaseNotFound",
  ERR_LOCK_LOST: "sessionExpired",
  ERR_LEASE_EXISTS: "leaseExists",
  ERR_CONDITION_FAILED: null,
  ERR_KEY_NOT_FOUND: "keyNotFound",
  ERR_DECODE: null,
  ERR_NO_SPACE: "noSpace",
  ERR_CLUSTER_CORRUPT: "corrupt",
  ERR_SESSION_EXPIRED: null,
  ERR_ANSWER_FORGOTTEN: null,
  ERR_DUPLICATE_KEY: "duplicateKey",
  ERR_AUTH_REQUIRED: "userEmpty",
  ERR_AUTH_DENIED: "permissionDenied",
  ERR_AUTH_FAILED: "authFailed",
  ERR_AUTH_TOKEN: "invalidAuthToken",
  ERR_AUTH_STALE: "authOldRevision",
  ERR_AUTH_DISABLED: "authNotEnabled",
  ERR_AUTH_CHANGE: "invalidAuthManagement",
  ERR_MEMBERSHIP: null,
  ERR_INVALID_HISTORY: null,
  ERR_REMOTE: null,
  ERR_UNSUPPORTED: null,
  ERR_APPLY: "stopped",
  ERR_MACHINE: "stopped",
  ERR_STORAGE: "stopped",
  ERR_TRANSPORT: "stopped",
  ERR_DIVERGED: "stopped",
  ERR_LOG_LOST: "stopped",
  ERR_INTERNAL: "stopped",
};

const OF_AUTH_CHANGE: Readonly<Record<AuthChangeReason, StatusName>> = {
  "no root user": "rootUserNotExist",
  "root user without root role": "rootRoleNotExist",
  "no user name": "userEmpty",
  "user exists": "userExists",
  "no such user": "userNotFound",
  "no role name": "roleEmpty",
  "role exists": "roleExists",
  "no such role": "roleNotFound",
  "role not granted": "roleNotGranted",
  "permission not granted": "permissionNotGranted",
  "root is needed": "invalidAuthManagement",
  "range is empty": "invalidAuthManagement",
  "name too long": "invalidAuthManagement",
  "too many users": "invalidAuthManagement",
  "too many roles": "invalidAuthManagement",
  "too many permissions": "invalidAuthManagement",
};

/** How a call fails that ended with this error. What etcd has no word for is Unknown, with our own. */
export function rpcErrorOf(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof MalformedBytes) {
    return new RpcError(Grpc.internal, `grpc: error unmarshalling request: ${error.message}`);
  }
  if (QuorateError.is(error, "ERR_AUTH_CHANGE")) return refusal(OF_AUTH_CHANGE[error.details.reason]);
  if (!QuorateError.is(error)) {
    // A bug of ours: the client learns that something is wrong, and whoever runs the server what it is.
    process.emitWarning(error instanceof Error ? error : String(error));
    return new RpcError(Grpc.unknown, "etcdserver: internal error");
  }
  const name = OF_CODE[error.code];
  return name === null ? new RpcError(Grpc.unknown, error.message) : refusal(name);
}
