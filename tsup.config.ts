import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    raft: "src/raft/index.ts",
    "raft/etcd": "src/raft/etcd.ts",
    replica: "src/replica/index.ts",
    storage: "src/storage/index.ts",
    "storage/lmdb": "src/storage/lmdb-storage.ts",
    kv: "src/kv/index.ts",
    coordination: "src/coordination/index.ts",
    transport: "src/transport/index.ts",
    "transport/tcp": "src/transport/tcp/index.ts",
    "transport/memory": "src/transport/memory-transport.ts",
    testkit: "src/testkit/index.ts",
    "testkit/linearizability": "src/testkit/linearizability/index.ts",
    "testkit/fast-check": "src/testkit/fast-check.ts",
    "testkit/vitest": "src/testkit/runners/vitest.ts",
    "testkit/jest": "src/testkit/runners/jest.ts",
    "testkit/node-test": "src/testkit/runners/node-test.ts",
    etcd: "src/etcd/index.ts",
    client: "src/client/index.ts",
    cli: "src/cli/main.ts",
  },
  format: ["esm", "cjs"],
  target: "node20",
  // Without shared chunks each CJS entry would get classes of its own, and `instanceof` would fail between them.
  splitting: true,
  sourcemap: true,
  clean: true,
  treeshake: true,
  // `node:test` has no other name.
  removeNodeProtocol: false,
  external: ["vitest"],
  // typed-emitter is types only and cannot be imported under NodeNext: its types are copied into ours.
  dts: { resolve: ["typed-emitter"] },
});
