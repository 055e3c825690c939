import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { refusal } from "../../wire/status.ts";

/** The work that a password costs, as much as etcd's: about a tenth of a second and 32 MiB. */
const COST_LOG = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 1;
/** What a record may ask for at most: each says what it was made with. */
const COST_LOG_MAX = 20;

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Passwords that are worked on at a time: the threads for it are those that write to the disk. */
const TOGETHER_MAX = 2;
const WAITING_MAX = 64;

interface PasswordRecord {
  readonly costLog: number;
  readonly blockSize: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Makes and checks salted, slow hashes of passwords (scrypt, RFC 7914), off the loop and few at a time. So guessing is
 * slow, and many who guess keep each other waiting, not the store.
 */
export class Passwords {
  readonly #parameters: Omit<PasswordRecord, "salt" | "hash">;
  /** In place of the record that an unknown user does not have: the answer must not come sooner. */
  readonly #nobody: string;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(costLog = COST_LOG) {
    this.#parameters = { costLog, blockSize: BLOCK_SIZE, parallelism: PARALLELISM };
    const [salt, hash] = [randomBytes(SALT_BYTES), randomBytes(HASH_BYTES)];
    this.#nobody = recordText({ ...this.#parameters, salt, hash });
  }

  /** A record from which the password cannot be read: `scrypt$log2(N)$r$p$salt$hash`, both in base64. */
  async hash(password: string): Promise<string> {
    const salted = { ...this.#parameters, salt: randomBytes(SALT_BYTES) };
    return recordText({ ...salted, hash: await this.#derive(password, salted) });
  }

  /** Whether the record was made of this password; null is no record, and takes as long. */
  async verify(password: string, text: string | null): Promise<boolean> {
    const record = parseRecord(text ?? this.#nobody);
    const derived = await this.#derive(password, record);
    return text !== null && timingSafeEqual(derived, record.hash);
  }

  async #derive(password: string, record: Omit<PasswordRecord, "hash">): Promise<Buffer> {
    if (this.#waiting.length >= WAITING_MAX) throw refusal("tooManyRequests");
    if (this.#running >= TOGETHER_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await derive(password, record);
    } finally {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

function derive(
  password: string,
  { costLog, blockSize, parallelism, salt }: Omit<PasswordRecord, "hash">,
): Promise<Buffer> {
  const cost = 2 ** costLog;
  const options: ScryptOptions = {
    N: cost,
    r: blockSize,
    p: parallelism,
    maxmem: 2 * 128 * cost * blockSize * parallelism,
  };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, options, (error, hash) => (error ? reject(error) : resolve(hash)));
  });
}

function recordText({ costLog, blockSize, parallelism, salt, hash }: PasswordRecord): string {
  return ["scrypt", costLog, blockSize, parallelism, salt.toString("base64"), hash.toString("base64")].join(
    "$",
  );
}

/** Records come from our own log; one that is none matches no password. */
function parseRecord(text: string): PasswordRecord {
  const [name, ...fields] = text.split("$");
  const [costLog, blockSize, parallelism] = fields.slice(0, 3).map(Number) as [number, number, number];
  const [salt, hash] = fields.slice(3).map((field) => Buffer.from(field, "base64"));
  const isValid =
    name === "scrypt" &&
    [costLog, blockSize, parallelism].every((number) => Number.isInteger(number) && number > 0) &&
    costLog <= COST_LOG_MAX &&
    blockSize * parallelism <= 64 &&
    salt !== undefined &&
    hash?.length === HASH_BYTES;
  if (!isValid) throw new Error("a password record is damaged");
  return { costLog, blockSize, parallelism, salt, hash };
}
