import fc from "fast-check";
import { expect, test } from "vitest";
import { ENVELOPE_BYTES, openCommand, sealCommand, stampTime } from "../../../src/replica/apply/envelope.ts";

const envelopes = fc.record({
  origin: fc.maxSafeNat(),
  epoch: fc.maxSafeNat(),
  sequence: fc.maxSafeNat(),
  settledBelow: fc.maxSafeNat(),
  time: fc.double({ noNaN: true }),
  command: fc.uint8Array({ maxLength: 64 }),
});

test("a sealed command opens as it was", () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      expect(openCommand(sealCommand(envelope))).toEqual(envelope);
    }),
  );
});

test("the leader's stamp changes the time and nothing else", () => {
  fc.assert(
    fc.property(envelopes, fc.double({ noNaN: true }), (envelope, time) => {
      const bytes = sealCommand(envelope);
      stampTime(bytes, time);
      expect(openCommand(bytes)).toEqual({ ...envelope, time });
    }),
  );
});

test("bytes too short for an envelope are no command, and stamping leaves them alone", () => {
  for (let length = 0; length < ENVELOPE_BYTES; length++) {
    const bytes = new Uint8Array(length);
    stampTime(bytes, 1);
    expect(openCommand(bytes)).toBeNull();
    expect(bytes).toEqual(new Uint8Array(length));
  }
});
