/** The number of `:status: 200` in the table that both sides know, as a whole field. */
const STATUS_200 = 0x88;
/** The number of `:status` there. */
const STATUS = 8;
/** What seven bits of a length can say in one byte. */
const SHORT_LENGTH_MAX = 126;

/**
 * Fields as HPACK writes them without the help of any table but for the status (RFC 7541, section 6.2.2): such a block
 * means the same at any time, so that it can be made once. Names are in lower case, and values in plain characters.
 */
export function headerBlock(status: number | null, fields: Readonly<Record<string, string>>): Buffer {
  const parts: Uint8Array[] = [];
  if (status === 200) parts.push(Uint8Array.of(STATUS_200));
  else if (status !== null) parts.push(Uint8Array.of(STATUS), text(String(status)));
  for (const [name, value] of Object.entries(fields)) parts.push(Uint8Array.of(0), text(name), text(value));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  return Buffer.concat([length(value.length), Buffer.from(value, "latin1")]);
}

function length(value: number): Uint8Array {
  if (value <= SHORT_LENGTH_MAX) return Uint8Array.of(value);
  const bytes = [SHORT_LENGTH_MAX + 1];
  let rest = value - SHORT_LENGTH_MAX - 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
