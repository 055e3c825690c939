import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts" },
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
