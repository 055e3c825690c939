import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedBytes } from "../../../src/base/bytes.ts";
import type { AppendMessage, Message } from "../../../src/raft/message.ts";
import { decodeMessage, encodeMessage } from "../../../src/transport/codec/message-codec.ts";
import { decodePeerFrame, encodePeerFrame } from "../../../src/transport/codec/peer-frame.ts";
import { message, peerFrame } from "../arbitraries.ts";

/** What `read` says of the bytes: a value, or that they are malformed. Anything else that it throws is a failure. */
function outcome<Value>(read: () => Value): Value | "malformed" {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedBytes) return "malformed";
    throw error;
  }
}

const append: AppendMessage = {
  kind: "append",
  from: 1,
  to: 2,
  term: 3,
  previous: { index: 4, term: 2 },
  entries: [
    { index: 5, term: 2, kind: "command", data: Uint8Array.of(1, 2, 3) },
    { index: 6, term: 3, kind: "membership", data: Uint8Array.of() },
  ],
  commit: 4,
};

describe("messages on the wire", () => {
  test("every message comes back as it was", () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeMessage(encodeMessage(sent))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test("every frame comes back as it was", () => {
    fc.assert(
      fc.property(peerFrame, (sent) => {
        expect(decodePeerFrame(encodePeerFrame(sent))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test("an encoded message has bytes of its own", () => {
    const first = encodeMessage(append);
    const copy = first.slice();
    encodeMessage({ ...append, term: 99 });
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(first.length);
  });

  test("the data of entries are views of the frame", () => {
    const bytes = encodeMessage(append);
    const decoded = decodeMessage(bytes) as AppendMessage;
    expect(decoded.entries[0]!.data.buffer).toBe(bytes.buffer);
  });

  test("a message cut short anywhere is malformed", () => {
    fc.assert(
      fc.property(peerFrame, (sent) => {
        const bytes = encodePeerFrame(sent);
        for (let length = 0; length < bytes.length; length++) {
          // A chunk ends where its frame ends, so that a shorter one is a frame too.
          if (sent.kind === "snapshot-chunk" && length >= 17) continue;
          expect(outcome(() => decodePeerFrame(bytes.subarray(0, length)))).toBe("malformed");
        }
      }),
      { numRuns: 60 },
    );
  });

  test("bytes left over are malformed", () => {
    fc.assert(
      fc.property(message, (sent) => {
        const longer = new Uint8Array([...encodeMessage(sent), 0]);
        expect(outcome(() => decodeMessage(longer))).toBe("malformed");
      }),
    );
  });

  test("damaged or made-up bytes are malformed or another message, never a crash", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(peerFrame, damage, (sent, changes) => {
        const bytes = encodePeerFrame(sent);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        outcome(() => decodePeerFrame(bytes));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void outcome(() => decodePeerFrame(bytes))),
    );
  });

  test("a count larger than the bytes at hand is refused before anything is made for it", () => {
    const bytes = encodeMessage({ ...append, entries: [] });
    new DataView(bytes.buffer).setUint32(bytes.length - 4, 0xffff_ffff, true);
    expect(() => decodeMessage(bytes)).toThrow(MalformedBytes);
  });

  const wrong: [string, Message][] = [
    ["entries with a gap", { ...append, previous: { index: 3, term: 2 } }],
    ["entries whose terms go back", { ...append, previous: { index: 4, term: 3 } }],
    ["entries from a later term than the leader's", { ...append, term: 2 }],
    ["a sender without a number", { ...append, from: 0 }],
    ["members out of order", withVoters([2, 1])],
    ["members told twice", withVoters([1, 1])],
    ["a member that votes and learns", withVoters([1, 9])],
  ];
  test.each(wrong)("%s are malformed", (_, sent) => {
    expect(() => decodeMessage(encodeMessage(sent))).toThrow(MalformedBytes);
  });

  test("a message of a later version is malformed, not misread", () => {
    const bytes = encodeMessage(append);
    bytes[0] = 2;
    expect(() => decodeMessage(bytes)).toThrow(MalformedBytes);
  });
});

function withVoters(voters: number[]): Message {
  const membership = {
    voters,
    outgoing: [],
    learners: [9],
    learnersNext: [],
    autoLeave: false,
    removed: [],
  };
  return { kind: "snapshot", from: 1, to: 2, term: 3, snapshot: { index: 1, term: 1, membership } };
}
