import { Code, ConnectionError } from "./protocol.ts";

/**
 * How many bits stand for each byte, in digits of base 36, sixteen bytes in a row (RFC 7541, appendix B). The code is
 * canonical: shorter codes come first, and those of one length in the order of their bytes, so the lengths say all.
 */
const BITS = [
  "dnsssssssoussuss",
  "ssssssusssssssss",
  "6aacd68baa8b8666",
  "555666666678f6ca",
  "d677777777777777",
  "77777777878djde6",
  "f565656665776665",
  "67655677777fbeds",
  "kmkkmmmnmnnnnnon",
  "oomnonnnnlmnmnno",
  "mlkmmnnlnmmolmnn",
  "llmlnmnnkmmmnmmn",
  "qqkjmnmpqqqrrqop",
  "jlqrrqrollqqsrrr",
  "koklmllnmmppooqn",
  "qrqqrrrrrsrrrrrq",
].join("");

/** What marks the end is no byte; it has the last code of all, and may not stand in a text. */
const END = 256;
const END_BITS = 30;

/** States that are met while a code is read; the first is its beginning. */
const STATES = 257;
/** Where an end leads, and nothing leads out of. */
const DEAD = STATES - 1;

/**
 * For each state and the next four bits: the next state, and above it, shifted by sixteen, the byte that they completed
 * and one more, or 0. No code is shorter than five bits, so that they never complete two.
 */
const STEPS = new Int32Array(STATES * 16);
/** Where a text may end: within less than a byte of ones. */
const MAY_END = new Uint8Array(STATES);

/** Decodes into `target`, which has room for eight bytes for each five, and tells how many it took. Throws ConnectionError. */
export function huffmanDecode(bytes: Uint8Array, from: number, to: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    const first = STEPS[state * 16 + (byte >>> 4)]!;
    if (first > 0xffff) target[length++] = (first >>> 16) - 1;
    const second = STEPS[(first & 0xffff) * 16 + (byte & 15)]!;
    if (second > 0xffff) target[length++] = (second >>> 16) - 1;
    state = second & 0xffff;
  }
  if (MAY_END[state] === 0) throw new ConnectionError(Code.compressionError, "malformed Huffman code");
  return length;
}

/** For each state the next ones after a 0 and a 1; bytes that are complete are negative, the first of them -1. */
function codeTree(): Int32Array {
  const lengths = [...BITS].map((digit) => Number.parseInt(digit, 36)).concat(END_BITS);
  const symbols = [...lengths.keys()].toSorted((a, b) => lengths[a]! - lengths[b]! || a - b);
  const tree = new Int32Array(STATES * 2);
  let states = 1;
  let code = 0;
  let length = 0;
  for (const symbol of symbols) {
    code *= 2 ** (lengths[symbol]! - length);
    length = lengths[symbol]!;
    let state = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const branch = state * 2 + ((code >>> bit) & 1);
      if (tree[branch] === 0) tree[branch] = states++;
      state = tree[branch]!;
    }
    tree[state * 2 + (code & 1)] = symbol === END ? DEAD : -1 - symbol;
    code += 1;
  }
  return tree;
}

function fillSteps(tree: Int32Array): void {
  for (let step = 0; step < STEPS.length; step++) {
    let state = step >>> 4;
    let completed = 0;
    for (let bit = 3; bit >= 0 && state !== DEAD; bit--) {
      const next = tree[state * 2 + ((step >>> bit) & 1)]!;
      if (next < 0) completed = -next;
      state = Math.max(0, next);
    }
    STEPS[step] = state === DEAD ? DEAD : completed * 0x10000 + state;
  }
  for (let state = 0, ones = 0; ones < 8; ones++) {
    MAY_END[state] = 1;
    state = tree[state * 2 + 1]!;
  }
}

fillSteps(codeTree());
