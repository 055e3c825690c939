import { connect } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeadReader } from "../../src/http2/head-reader.ts";
import { headerBlock } from "../../src/http2/header-block.ts";
import { HpackDecoder } from "../../src/http2/hpack-decoder.ts";
import { ConnectionError } from "../../src/http2/protocol.ts";
import { SocketLink } from "../../src/http2/socket-link.ts";
import type { Field } from "../../src/http2/static-table.ts";
import { field, integer, text } from "./support/frames.ts";

function decoded(decoder: HpackDecoder, block: Uint8Array): string[] {
  const fields: Field[] = [];
  decoder.decode(Buffer.from(block), (one) => fields.push(one));
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(" ", ""), "hex");

describe("blocks of headers", () => {
  it("are read as in the examples of RFC 7541, appendix C", () => {
    for (const blocks of [
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
    ]) {
      const decoder = new HpackDecoder();
      const read = blocks.map((block) => decoded(decoder, hex(block)));
      const authority = ":authority: www.example.com";
      expect(read).toEqual([
        [":method: GET", ":scheme: http", ":path: /", authority],
        [":method: GET", ":scheme: http", ":path: /", authority, "cache-control: no-cache"],
        [":method: GET", ":scheme: https", ":path: /index.html", authority, "custom-key: custom-value"],
      ]);
    }
  });

  it("of any bytes are read, or are the client's fault", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decoded(decoder, block);
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectionError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("that are malformed end the connection", () => {
    const malformed = {
      "no such field": "c6",
      "field 0": "80",
      "a name of no field": "7f 80 01 01 61",
      "a number without an end": "ff ff ff ff ff ff ff",
      "a number that is cut": "ff",
      "a text that is cut": "00 05 61",
      "no value": "00 01 61",
      "a table above what was allowed": "3f e2 1f",
      "a resize within a block": "82 20",
      "padding of zeros": "00 01 61 81 00",
      "padding of a whole byte": "00 01 61 82 1f ff",
      "the end within a text": "00 01 61 84 ff ff ff ff",
    };
    for (const [name, block] of Object.entries(malformed))
      expect(() => decoded(new HpackDecoder(), hex(block)), name).toThrow(ConnectionError);
  });

  it("forget the oldest fields, and all for one that is too large", () => {
    const decoder = new HpackDecoder();
    const add = (name: string, value: string): Buffer => Buffer.concat([hex("40"), text(name), text(value)]);
    decoded(decoder, add("a", "1".repeat(2000)));
    decoded(decoder, add("b", "2".repeat(2000)));
    expect(decoded(decoder, hex("bf"))).toEqual([`a: ${"1".repeat(2000)}`]);
    decoded(decoder, add("c", "3"));
    expect(() => decoded(decoder, hex("c0"))).toThrow(ConnectionError);
    expect(decoded(decoder, hex("bebf"))).toEqual(["c: 3", `b: ${"2".repeat(2000)}`]);
    decoded(decoder, add("d", "4".repeat(5000)));
    expect(() => decoded(decoder, hex("be"))).toThrow(ConnectionError);
    decoded(decoder, Buffer.concat([hex("20"), add("e", "5")]));
    expect(() => decoded(decoder, hex("be"))).toThrow(ConnectionError);
  });

  it("of our own are read as they were meant", () => {
    const names = fc.stringMatching(/^[a-z-]{1,20}$/);
    const values = fc.stringMatching(/^[ -~]{0,300}$/);
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.dictionary(names, values), (status, fields) => {
        const expected = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
        expect(decoded(new HpackDecoder(), headerBlock(status, fields))).toEqual([
          `:status: ${status}`,
          ...expected,
        ]);
      }),
    );
  });
});

describe("heads", () => {
  it("that are said again are the same, and another once the table has changed", () => {
    const reader = new HeadReader();
    const indexed = Buffer.concat([hex("40"), text("a"), text("1")]);
    reader.end(indexed);
    const first = reader.end(hex("be"));
    expect(first.get("a")).toBe("1");
    expect(reader.end(hex("be"))).toBe(first);
    reader.end(Buffer.concat([hex("40"), text("a"), text("2")]));
    expect(reader.end(hex("be")).get("a")).toBe("2");
    expect(reader.end(hex("bf")).get("a")).toBe("1");
  });

  it("that would unpack to more than they may are not unpacked (CVE-2016-1544)", () => {
    const reader = new HeadReader();
    reader.end(Buffer.concat([hex("40"), text("a"), text("x".repeat(4000))]));
    const bomb = reader.end(Buffer.alloc(60_000, 0xbe));
    expect(bomb.isTooLarge).toBe(true);
  });

  it("are bounded before they are read, in bytes and in pieces (CVE-2024-27316)", () => {
    expect(() => {
      const reader = new HeadReader();
      for (let piece = 0; piece < 6; piece++) reader.add(Buffer.alloc(16_000));
    }).toThrow(ConnectionError);
    expect(() => {
      const reader = new HeadReader();
      for (let piece = 0; piece < 100; piece++) reader.add(Buffer.alloc(0));
    }).toThrow(ConnectionError);
  });

  it("are of the same form as RFC 9113 wants them to be", () => {
    const head = (...fields: (readonly [string, string])[]) =>
      new HeadReader().end(Buffer.concat(fields.map(([name, value]) => field(name, value))));
    const pseudo = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
    ] as const;
    expect(head(...pseudo).isRequest).toBe(true);
    expect(head(...pseudo, ["te", "trailers"], ["x-y", "\u00e4"]).isRequest).toBe(true);
    const wrong = [
      ["X", "1"],
      ["", "1"],
      ["a b", "1"],
      ["connection", "close"],
      ["te", "gzip"],
      ["a", "1\r\nb: 2"],
      ["a", "\0"],
      [":status", "200"],
      [":method", "GET"],
    ] as const;
    for (const one of wrong) expect([one, head(...pseudo, one).isRequest]).toEqual([one, false]);
    expect(head(["a", "1"], ...pseudo).isRequest).toBe(false);
    expect(head(pseudo[0], pseudo[1]).isRequest).toBe(false);
    expect(head(pseudo[0], pseudo[1], [":path", ""]).isRequest).toBe(false);
    expect(head(["a", "1"]).isTrailer).toBe(true);
    expect(head(...pseudo).isTrailer).toBe(false);
  });

  it("of Node's own client are what it was told to send", async () => {
    const heads: (string | undefined)[][] = [];
    const names = ["x-a", "x-b", "authorization", "grpc-timeout", "content-type"];
    const server = createServer((socket) => {
      const link = new SocketLink(
        socket,
        {
          open: (stream) => {
            heads.push(names.map((name) => stream.head.get(name)));
            stream.end(headerBlock(200, {}));
            return { received() {}, halfClosed() {}, drained() {}, closed() {} };
          },
        },
        () => {},
      );
      expect(link.unsent).toBe(0);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    // Node takes away blanks at both ends.
    const values = fc.stringMatching(/^[!-~\u00a0-\u00ff]([ -~\u00a0-\u00ff]{0,200}[!-~\u00a0-\u00ff])?$/);
    const rows = fc.sample(fc.array(fc.option(values), { minLength: 5, maxLength: 5 }), 300);
    const few = rows.map((row, at) => (at % 3 === 0 ? row : rows[at % 7]!));
    for (const row of few) {
      const told = names.flatMap((name, at) => (row[at] === null ? [] : [[name, row[at]!] as const]));
      const stream = session.request({ ":method": "POST", ":path": "/", ...Object.fromEntries(told) });
      stream.end();
      await new Promise((resolve, reject) => stream.on("close", resolve).on("error", reject).resume());
    }
    session.destroy();
    server.close();
    expect(heads).toEqual(few.map((row) => row.map((value) => value ?? undefined)));
  });
});

it("numbers of all sizes are read back", () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(3_000), (place, length) => {
      const block = Buffer.concat([integer(place + 1, 4), text("v".repeat(length))]);
      expect(decoded(new HpackDecoder(), block)[0]).toMatch(new RegExp(`: v{${length}}$`));
    }),
  );
});
