import * as Auth from "./auth-messages.ts";
import * as Cluster from "./cluster-messages.ts";
import { Empty, HeaderOnly } from "./header.ts";
import { HealthCheckRequest, HealthCheckResponse } from "./health-messages.ts";
import * as Kv from "./kv-messages.ts";
import * as Lease from "./lease-messages.ts";
import * as Maintenance from "./maintenance-messages.ts";
import type { MessageType } from "./message.ts";
import * as Recipe from "./recipe-messages.ts";
import { WatchRequest, WatchResponse } from "./watch-messages.ts";

/** What can be called: everything that is known of a method comes from this table. */
export interface Method<Request, Response> {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
  readonly streams: "neither" | "response" | "both";
  /** Paths under which it takes JSON over HTTP. */
  readonly gateway: readonly string[];
}

function method<Request, Response>(
  path: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
  gateway: readonly string[],
  streams: Method<Request, Response>["streams"] = "neither",
): Method<Request, Response> {
  return { path, request, response, gateway, streams };
}

function etcd<Request, Response>(
  name: string,
  request: MessageType<Request>,
  response: MessageType<Response>,
  gateway: string | readonly string[],
  streams?: Method<Request, Response>["streams"],
): Method<Request, Response> {
  return method(`/etcdserverpb.${name}`, request, response, [gateway].flat(), streams);
}

export const METHODS = {
  range: etcd("KV/Range", Kv.RangeRequest, Kv.RangeResponse, "/v3/kv/range"),
  rangeStream: etcd("KV/RangeStream", Kv.RangeRequest, Kv.RangeStreamResponse, [], "response"),
  put: etcd("KV/Put", Kv.PutRequest, Kv.PutResponse, "/v3/kv/put"),
  deleteRange: etcd("KV/DeleteRange", Kv.DeleteRangeRequest, Kv.DeleteRangeResponse, "/v3/kv/deleterange"),
  txn: etcd("KV/Txn", Kv.TxnRequest, Kv.TxnResponse, "/v3/kv/txn"),
  compact: etcd("KV/Compact", Kv.CompactionRequest, HeaderOnly, "/v3/kv/compaction"),

  watch: etcd("Watch/Watch", WatchRequest, WatchResponse, "/v3/watch", "both"),

  leaseGrant: etcd("Lease/LeaseGrant", Lease.LeaseGrantRequest, Lease.LeaseGrantResponse, "/v3/lease/grant"),
  leaseRevoke: etcd("Lease/LeaseRevoke", Lease.LeaseRevokeRequest, HeaderOnly, [
    "/v3/lease/revoke",
    "/v3/kv/lease/revoke",
  ]),
  leaseKeepAlive: etcd(
    "Lease/LeaseKeepAlive",
    Lease.LeaseKeepAliveRequest,
    Lease.LeaseKeepAliveResponse,
    "/v3/lease/keepalive",
    "both",
  ),
  leaseTimeToLive: etcd(
    "Lease/LeaseTimeToLive",
    Lease.LeaseTimeToLiveRequest,
    Lease.LeaseTimeToLiveResponse,
    ["/v3/lease/timetolive", "/v3/kv/lease/timetolive"],
  ),
  leaseLeases: etcd("Lease/LeaseLeases", Empty, Lease.LeaseLeasesResponse, [
    "/v3/lease/leases",
    "/v3/kv/lease/leases",
  ]),

  memberAdd: etcd(
    "Cluster/MemberAdd",
    Cluster.MemberAddRequest,
    Cluster.MemberAddResponse,
    "/v3/cluster/member/add",
  ),
  memberRemove: etcd(
    "Cluster/MemberRemove",
    Cluster.MemberIdRequest,
    Cluster.MembersResponse,
    "/v3/cluster/member/remove",
  ),
  memberUpdate: etcd(
    "Cluster/MemberUpdate",
    Cluster.MemberUpdateRequest,
    Cluster.MembersResponse,
    "/v3/cluster/member/update",
  ),
  memberList: etcd(
    "Cluster/MemberList",
    Cluster.MemberListRequest,
    Cluster.MembersResponse,
    "/v3/cluster/member/list",
  ),
  memberPromote: etcd(
    "Cluster/MemberPromote",
    Cluster.MemberIdRequest,
    Cluster.MembersResponse,
    "/v3/cluster/member/promote",
  ),

  alarm: etcd(
    "Maintenance/Alarm",
    Maintenance.AlarmRequest,
    Maintenance.AlarmResponse,
    "/v3/maintenance/alarm",
  ),
  status: etcd("Maintenance/Status", Empty, Maintenance.StatusResponse, "/v3/maintenance/status"),
  defragment: etcd("Maintenance/Defragment", Empty, HeaderOnly, "/v3/maintenance/defragment"),
  hash: etcd("Maintenance/Hash", Empty, Maintenance.HashResponse, "/v3/maintenance/hash"),
  hashKv: etcd(
    "Maintenance/HashKV",
    Maintenance.HashKvRequest,
    Maintenance.HashKvResponse,
    "/v3/maintenance/hashkv",
  ),
  snapshot: etcd(
    "Maintenance/Snapshot",
    Empty,
    Maintenance.SnapshotResponse,
    "/v3/maintenance/snapshot",
    "response",
  ),
  moveLeader: etcd(
    "Maintenance/MoveLeader",
    Maintenance.MoveLeaderRequest,
    HeaderOnly,
    "/v3/maintenance/transfer-leadership",
  ),
  downgrade: etcd(
    "Maintenance/Downgrade",
    Maintenance.DowngradeRequest,
    Maintenance.DowngradeResponse,
    "/v3/maintenance/downgrade",
  ),

  authEnable: etcd("Auth/AuthEnable", Empty, HeaderOnly, "/v3/auth/enable"),
  authDisable: etcd("Auth/AuthDisable", Empty, HeaderOnly, "/v3/auth/disable"),
  authStatus: etcd("Auth/AuthStatus", Empty, Auth.AuthStatusResponse, "/v3/auth/status"),
  authenticate: etcd(
    "Auth/Authenticate",
    Auth.AuthenticateRequest,
    Auth.AuthenticateResponse,
    "/v3/auth/authenticate",
  ),
  userAdd: etcd("Auth/UserAdd", Auth.AuthUserAddRequest, HeaderOnly, "/v3/auth/user/add"),
  userGet: etcd("Auth/UserGet", Auth.AuthUserRequest, Auth.AuthUserGetResponse, "/v3/auth/user/get"),
  userList: etcd("Auth/UserList", Empty, Auth.AuthUserListResponse, "/v3/auth/user/list"),
  userDelete: etcd("Auth/UserDelete", Auth.AuthUserRequest, HeaderOnly, "/v3/auth/user/delete"),
  userChangePassword: etcd(
    "Auth/UserChangePassword",
    Auth.AuthUserChangePasswordRequest,
    HeaderOnly,
    "/v3/auth/user/changepw",
  ),
  userGrantRole: etcd("Auth/UserGrantRole", Auth.AuthUserGrantRoleRequest, HeaderOnly, "/v3/auth/user/grant"),
  userRevokeRole: etcd(
    "Auth/UserRevokeRole",
    Auth.AuthUserRevokeRoleRequest,
    HeaderOnly,
    "/v3/auth/user/revoke",
  ),
  roleAdd: etcd("Auth/RoleAdd", Auth.AuthRoleAddRequest, HeaderOnly, "/v3/auth/role/add"),
  roleGet: etcd("Auth/RoleGet", Auth.AuthRoleRequest, Auth.AuthRoleGetResponse, "/v3/auth/role/get"),
  roleList: etcd("Auth/RoleList", Empty, Auth.AuthRoleListResponse, "/v3/auth/role/list"),
  roleDelete: etcd("Auth/RoleDelete", Auth.AuthRoleRequest, HeaderOnly, "/v3/auth/role/delete"),
  roleGrantPermission: etcd(
    "Auth/RoleGrantPermission",
    Auth.AuthRoleGrantPermissionRequest,
    HeaderOnly,
    "/v3/auth/role/grant",
  ),
  roleRevokePermission: etcd(
    "Auth/RoleRevokePermission",
    Auth.AuthRoleRevokePermissionRequest,
    HeaderOnly,
    "/v3/auth/role/revoke",
  ),

  lock: method("/v3lockpb.Lock/Lock", Recipe.LockRequest, Recipe.LockResponse, ["/v3/lock/lock"]),
  unlock: method("/v3lockpb.Lock/Unlock", Recipe.UnlockRequest, HeaderOnly, ["/v3/lock/unlock"]),

  campaign: method("/v3electionpb.Election/Campaign", Recipe.CampaignRequest, Recipe.CampaignResponse, [
    "/v3/election/campaign",
  ]),
  proclaim: method("/v3electionpb.Election/Proclaim", Recipe.ProclaimRequest, HeaderOnly, [
    "/v3/election/proclaim",
  ]),
  leader: method("/v3electionpb.Election/Leader", Recipe.LeaderRequest, Recipe.LeaderResponse, [
    "/v3/election/leader",
  ]),
  observe: method(
    "/v3electionpb.Election/Observe",
    Recipe.LeaderRequest,
    Recipe.LeaderResponse,
    ["/v3/election/observe"],
    "response",
  ),
  resign: method("/v3electionpb.Election/Resign", Recipe.ResignRequest, HeaderOnly, ["/v3/election/resign"]),

  healthCheck: method("/grpc.health.v1.Health/Check", HealthCheckRequest, HealthCheckResponse, []),
  healthWatch: method(
    "/grpc.health.v1.Health/Watch",
    HealthCheckRequest,
    HealthCheckResponse,
    [],
    "response",
  ),
} as const;
