import { expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import { Authority, hasOpenssl } from "../transport/certificates.ts";

/** The argument that is refused. */
async function refusal(options: unknown): Promise<string> {
  try {
    const store = await connect(options as { endpoints: string });
    await store.close();
    return "none: it connects";
  } catch (error) {
    const { code, details } = error as { code: string; details: { argument: string } };
    expect(code).toBe("ERR_INVALID_ARGUMENT");
    return details.argument;
  }
}

test("what asks for TLS and what says http are not taken together", async () => {
  const [plain, encrypted] = ["http://127.0.0.1:1", "https://127.0.0.1:1"];
  for (const [endpoints, tls, argument] of [
    [plain, true, "endpoints"],
    [plain, {}, "endpoints"],
    ["HTTP://127.0.0.1:1", true, "endpoints"],
    [[encrypted, plain], true, "endpoints"],
    [["127.0.0.1:1", plain], {}, "endpoints"],
    [encrypted, false, "tls"],
    [plain, false, "none: it connects"],
    [encrypted, true, "none: it connects"],
    ["127.0.0.1:1", true, "none: it connects"],
  ] as const) {
    expect(await refusal({ endpoints, tls }), `${endpoints} ${JSON.stringify(tls)}`).toBe(argument);
  }
});

test.skipIf(!hasOpenssl)(
  "a certificate without its key, or an authority that is none, is refused (needs openssl)",
  async () => {
    const authority = new Authority();
    const { cert, key } = authority.sign({ commonName: "operator" });
    for (const [tls, argument] of [
      [{ cert }, "tls.key"],
      [{ key }, "tls.cert"],
      [{ ca: key }, "tls.ca"],
      [{ ca: authority.directory }, "tls.ca"],
      [{ ca: `${cert}/ca.pem` }, "tls.ca"],
      [{ cert, key }, "none: it connects"],
    ] as const) {
      expect(await refusal({ endpoints: "127.0.0.1:1", tls })).toBe(argument);
    }
    authority.remove();
  },
);
