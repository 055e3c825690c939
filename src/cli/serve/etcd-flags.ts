/** Flags of etcd's, from 3.4 to 3.7, that mean nothing here: a command line that was written for etcd may have them. */
const NAMES = `
  wal-dir max-snapshots max-wals snapshot-catchup-entries local-address set-member-localaddr max-learners
  listen-client-http-urls client-cert-file client-key-file peer-client-cert-file peer-client-key-file
  self-signed-cert-validity peer-skip-client-san-verification cors bcrypt-cost enable-v2 v2-deprecation
  enable-grpc-gateway enable-pprof debug metrics logger log-level log-outputs log-format log-package-levels
  enable-log-rotation log-rotation-config-json strict-reconfig-check pre-vote initial-election-tick-advance
  discovery-fallback discovery-proxy discovery-srv-name discovery-token discovery-dial-timeout
  discovery-request-timeout discovery-keepalive-time discovery-keepalive-timeout discovery-insecure-transport
  discovery-insecure-skip-tls-verify discovery-cert discovery-key discovery-cacert discovery-user
  discovery-password proxy-dial-timeout proxy-failure-wait proxy-read-timeout proxy-refresh-interval
  proxy-write-timeout max-concurrent-streams grpc-keepalive-interval grpc-keepalive-min-time
  grpc-keepalive-timeout socket-reuse-port socket-reuse-address backend-batch-interval backend-batch-limit
  backend-bbolt-freelist-type compaction-batch-limit compaction-sleep-interval compact-hash-check-enabled
  compact-hash-check-time corrupt-check-time initial-corrupt-check enable-lease-checkpoint
  enable-lease-checkpoint-persist warning-apply-duration warning-unary-request-duration
  bootstrap-defrag-threshold-megabytes memory-mlock txn-mode-write-with-shared-buffer
  stop-grpc-service-on-defrag downgrade-check-time unsafe-no-fsync feature-gates enable-v2v3 config
  enable-distributed-tracing distributed-tracing-address distributed-tracing-service-name
  distributed-tracing-instance-id distributed-tracing-sampling-rate
`;

export const ETCD_FLAGS: ReadonlySet<string> = new Set(NAMES.trim().split(/\s+/));

/** Whether some release of etcd has a flag of this name that has no counterpart here. Experiments begin with a word of their own. */
export function isEtcds(name: string): boolean {
  return ETCD_FLAGS.has(name.replace(/^experimental-/, ""));
}
