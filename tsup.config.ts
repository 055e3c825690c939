import { defineConfig } from "tsup";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    raft: "src/raft/index.ts",
    storage: "src/storage/index.ts",
    kv: "src/kv/index.ts",
    coordination: "src/coordination/index.ts",
    "transport/tcp": "src/transport/tcp-transport.ts",
    "transport/memory": "src/transport/memory-transport.ts",
    testkit: "src/testkit/index.ts",
    cli: "src/cli/main.ts",
  },
  format: ["esm", "cjs"],
  target: "node20",
  // Without shared chunks each CJS entry would get classes of its own, and `instanceof` would fail between them.
  splitting: true,
  sourcemap: true,
  clean: true,
  treeshake: true,
  // typed-emitter is types only and cannot be imported under NodeNext: its types are copied into ours.
  dts: { resolve: ["typed-emitter"] },
});
