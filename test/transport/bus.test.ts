import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";
import { transportSuite } from "../../src/testkit/suites/transport.ts";
import type { Transport } from "../../src/transport/transport.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The transport that the README shows as one of your own. */
async function readmeBus(): Promise<new () => Transport> {
  const from = README.indexOf("interface Said {");
  const to = README.indexOf("const peers = { tab1", from);
  const folder = mkdtempSync(join(tmpdir(), "quorate-bus-"));
  try {
    const path = join(folder, "bus.ts");
    const imports = `import { type Peer, QuorateError, type Transport, type TransportHost } from "${ROOT}src/index.ts";`;
    writeFileSync(path, `${imports}\n${README.slice(from, to).replace("class Bus", "export class Bus")}`);
    return (await import(path)).Bus;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const Bus = await readmeBus();

transportSuite("the README's bus", () => ({ transport: () => new Bus(), address: () => undefined }), {
  test,
});
