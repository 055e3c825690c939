import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { type Operation, readHistory, writeHistory } from "../../../src/testkit/linearizability/index.ts";

describe("a history as text", () => {
  const operation = fc
    .record({
      client: fc.oneof(fc.nat(), fc.string()),
      input: fc.jsonValue(),
      output: fc.jsonValue(),
      call: fc.nat(),
      took: fc.nat(),
      unknown: fc.boolean(),
    })
    .map(
      ({ client, input, output, call, took, unknown }): Operation =>
        unknown ? { client, input, call, unknown } : { client, input, output, call, return: call + took },
    );

  it("is read as it was written", () => {
    fc.assert(
      fc.property(fc.array(operation), (history) => {
        const text = writeHistory(history);
        expect(text.split("\n")).toHaveLength(history.length + 1);
        expect(readHistory(text)).toEqual(JSON.parse(JSON.stringify(history)));
      }),
    );
  });

  it("may miss an output, and have empty lines", () => {
    expect(readHistory('\n{"client":0,"call":1,"return":2,"input":"x"}\n\n')).toEqual([
      { client: 0, call: 1, return: 2, input: "x", output: undefined },
    ]);
  });

  it.each([
    ["{", "this is not JSON"],
    ["[1]", "this is not an object"],
    ['{"call":1,"return":2,"input":0}', "client must be a number or a text"],
    ['{"client":0,"call":"1","return":2,"input":0}', "call must be a number"],
    ['{"client":0,"call":1,"return":2}', "input is missing"],
    ['{"client":0,"call":1,"input":0}', "return must be a number, unless unknown is true"],
    ['{"client":0,"call":3,"return":2,"input":0}', "a call returns after it was made"],
    ['{"client":0,"call":1,"return":2,"unknown":true,"input":0}', "a call that returned has an outcome"],
  ])("is refused with its line: %s", (line, reason) => {
    const good = '{"client":0,"call":1,"return":2,"input":0}\n';
    try {
      readHistory(good + line);
      expect.fail("it is refused");
    } catch (error) {
      expect(QuorateError.is(error, "ERR_INVALID_HISTORY") && error.details).toEqual({ line: 2, reason });
    }
  });
});
