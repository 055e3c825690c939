import { test } from "vitest";
import { transportSuite } from "../../src/testkit/suites/transport.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { type TcpTransport, tcp } from "../../src/transport/tcp/tcp-transport.ts";

transportSuite(
  "memory",
  () => {
    const network = new MemoryNetwork();
    return { transport: () => network.transport(), address: () => undefined };
  },
  { test },
);

transportSuite(
  "tcp",
  () => ({ transport: () => tcp(), address: (transport) => (transport as TcpTransport).address() }),
  { test },
);

transportSuite(
  "tcp with a secret",
  () => ({
    transport: () => tcp({ secret: "correct horse battery staple" }),
    address: (transport) => (transport as TcpTransport).address(),
  }),
  { test },
);
