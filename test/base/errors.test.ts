import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";

const compacted = new QuorateError("ERR_COMPACTED", "revision 3 is gone", {
  revision: 3,
  compactRevision: 5,
});

describe("QuorateError", () => {
  it("carries its code, its fields and its cause", () => {
    const cause = new Error("EIO");
    const error = new QuorateError(
      "ERR_DISK",
      "sync failed",
      { operation: "sync", path: "wal/1" },
      { cause, outcome: "unknown" },
    );
    expect(error).toMatchObject({
      name: "QuorateError",
      code: "ERR_DISK",
      message: "sync failed",
      details: { operation: "sync", path: "wal/1" },
      outcome: "unknown",
      retryable: false,
      cause,
    });
    expect(error).toBeInstanceOf(Error);
  });

  it("says by default that nothing happened, and that asking again is no use", () => {
    expect(compacted.outcome).toBe("none");
    expect(compacted.retryable).toBe(false);
    expect("cause" in compacted).toBe(false);
  });
});

describe("QuorateError.is", () => {
  it("recognises errors of ours, by code if asked", () => {
    expect(QuorateError.is(compacted)).toBe(true);
    expect(QuorateError.is(compacted, "ERR_COMPACTED")).toBe(true);
    expect(QuorateError.is(compacted, "ERR_CLOSED")).toBe(false);
  });

  it("gives the fields that belong to the code", () => {
    const error: unknown = compacted;
    if (!QuorateError.is(error, "ERR_COMPACTED")) throw new Error("not recognised");
    expect(error.details.compactRevision).toBe(5);
  });

  it("recognises errors of a second copy of the package", async () => {
    vi.resetModules();
    const second = await import("../../src/base/errors.ts");
    const error = new second.QuorateError("ERR_CLOSED", "closed", {});
    expect(error).not.toBeInstanceOf(QuorateError);
    expect(QuorateError.is(error, "ERR_CLOSED")).toBe(true);
  });

  it("recognises errors of another realm by their brand", () => {
    const foreign = runInNewContext(
      'Object.assign(new Error("x"), { code: "ERR_BUSY", [Symbol.for("quorate.error")]: true })',
    );
    expect(foreign).not.toBeInstanceOf(Error);
    expect(QuorateError.is(foreign, "ERR_BUSY")).toBe(true);
  });

  it("takes nothing else for ours", () => {
    const others = [null, undefined, 1, "ERR_CLOSED", {}, new Error("x"), { code: "ERR_CLOSED" }, () => {}];
    for (const other of others) expect(QuorateError.is(other)).toBe(false);
  });

  it("keeps its brand out of what is printed and spread", () => {
    expect(Object.getOwnPropertySymbols({ ...compacted })).toEqual([]);
  });
});
