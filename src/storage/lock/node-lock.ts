import fs from "node:fs";
import { join, resolve } from "node:path";
import type { Done } from "../../base/callback.ts";
import { QuorateError } from "../../base/errors.ts";
import { clearTimeout, monotonicNow, setImmediate, setTimeout, wallNow } from "../../base/system-time.ts";
import { diskError } from "../disk-error.ts";
import { isLockFile, LOCK_NAME } from "./lock-file.ts";
import { BEAT_MS, judge, judgeAtOnce, type Verdict } from "./node-lock-judge.ts";
import {
  describeOurselves,
  type LockOwner,
  mintNonce,
  readSighting,
  type Sighting,
} from "./node-lock-owner.ts";
import { LockSocket, removeSocketOf } from "./node-lock-socket.ts";

/**
 * How long the owner may write after it was last known to hold the lock. Less than `WATCH_MS`: who is not seen to live for
 * so long has stopped writing before another takes its place.
 */
const TRUST_MS = 3_000;

/** How often a lock that is held by a living process is asked for again. */
const RETRY_MS = 100;

/** Files of takers that died in the middle of it are removed after so long. */
const LEFTOVER_MS = 60_000;

export interface NodeLockOptions {
  /** How long to wait for a living holder to let go. */
  readonly timeoutMs: number;
  /** Called once, with the holder, when waiting begins. */
  readonly onWait: (holder: LockHolder) => void;
}

/** Who holds a directory, as far as its lock file tells. */
export interface LockHolder {
  readonly directory: string;
  readonly pid: number | undefined;
  readonly host: string | undefined;
}

/** What a taker needs to know before its next step. */
type Question = { readonly path: string; readonly sighting: Sighting };

/**
 * The lock on a data directory: the file LOCK, which names its owner, and a socket on which the owner listens. The
 * protocol and the reason for each step are in `docs/decisions/0015-a-lock-without-flock.md`; the numbers are its own.
 */
export class NodeLock {
  readonly #directory: string;
  readonly #shown: string;
  readonly #options: NodeLockOptions;
  #held: HeldLock | null = null;

  constructor(directory: string, options: NodeLockOptions = { timeoutMs: 0, onWait: () => {} }) {
    this.#shown = directory;
    this.#directory = resolve(directory);
    this.#options = options;
  }

  /** Takes the lock without waiting. Throws ERR_LOCKED, also where only watching could tell that the holder is dead; ERR_DISK. */
  takeSync(): void {
    const taker = new Taker(this.#directory, this.#shown);
    try {
      const steps = taker.steps();
      let step = steps.next();
      while (step.done !== true) step = steps.next(judgeAtOnce(step.value.sighting));
      this.#held = step.value;
    } catch (error) {
      throw refusal(error);
    } finally {
      taker.end();
    }
  }

  /** Takes the lock, and waits for its holder as long as the options say. Fails with ERR_LOCKED, ERR_DISK. */
  take(done: Done): void {
    const end = monotonicNow() + this.#options.timeoutMs;
    let isWaiting = false;
    const attempt = (): void => {
      this.#attempt((error) => {
        if (!QuorateError.is(error, "ERR_LOCKED") || monotonicNow() >= end) return done(error);
        if (!isWaiting) this.#options.onWait(error.details);
        isWaiting = true;
        setTimeout(attempt, RETRY_MS);
      });
    };
    attempt();
  }

  /** Whether the lock was ours so lately that it is ours still. True also before it was taken: there is nothing to lose. */
  get isTrusted(): boolean {
    return this.#held?.isTrusted ?? true;
  }

  /** Looks whether the lock is ours, and says so to others. Fails with ERR_LOCKED where it is not, ERR_DISK. */
  check(done: Done): void {
    if (this.#held === null) done(lost(this.#shown, null));
    else this.#held.beat(done);
  }

  /** Calls back once the lock is known to be ours. Fails with ERR_LOCKED, ERR_DISK. */
  renew(done: Done): void {
    this.check((error) => {
      if (error !== null || this.isTrusted) done(error);
      else this.renew(done);
    });
  }

  /** The same for start-up. Throws ERR_LOCKED, ERR_DISK. */
  renewSync(): void {
    if (!this.isTrusted) this.#held?.beatSync();
  }

  /** Tells the listener, once, when the lock was found to be another's. */
  onLost(listener: (error: QuorateError) => void): void {
    if (this.#held !== null) this.#held.onLost = listener;
  }

  release(): void {
    this.#held?.release();
    this.#held = null;
  }

  #attempt(done: Done): void {
    const taker = new Taker(this.#directory, this.#shown);
    const steps = taker.steps();
    const finish = (error: QuorateError | null): void => {
      taker.end();
      done(error);
    };
    const go = (verdict?: Verdict): void => {
      let step: IteratorResult<Question, HeldLock>;
      try {
        step = verdict === undefined ? steps.next() : steps.next(verdict);
      } catch (error) {
        finish(refusal(error));
        return;
      }
      if (step.done !== true) {
        judge(this.#directory, step.value.path, step.value.sighting, go);
        return;
      }
      this.#held = step.value;
      finish(null);
    };
    go();
  }
}

/** Who holds a directory; null when nobody does. A holder that cannot be known to be dead at once counts. */
export function lockHolder(directory: string, done: (holder: LockHolder | null) => void): void {
  const path = join(directory, LOCK_NAME);
  const sighting = readSighting(path);
  if (sighting === null) {
    done(null);
    return;
  }
  const holder = holderOf(directory, sighting.owner);
  judge(resolve(directory), path, sighting, (verdict) => done(verdict === "dead" ? null : holder));
}

/** One attempt to take the lock. */
class Taker {
  readonly #nonce = mintNonce();
  readonly #directory: string;
  readonly #shown: string;
  /** The file that holds our record, with its descriptor, once it is written. */
  #record: { readonly path: string; readonly descriptor: number } | null = null;
  #socket: LockSocket | null = null;
  #isDone = false;

  constructor(directory: string, shown: string) {
    this.#directory = directory;
    this.#shown = shown;
  }

  *steps(): Generator<Question, HeldLock, Verdict> {
    yield* this.#acquire(LOCK_NAME);
    const held = new HeldLock({
      directory: this.#directory,
      shown: this.#shown,
      nonce: this.#nonce,
      descriptor: this.#record!.descriptor,
      socket: this.#socket,
    });
    this.#isDone = true;
    removeLeftovers(this.#directory, this.#nonce);
    return held;
  }

  /** Removes what the attempt left, unless it won: then only the spare name of the record goes. */
  end(): void {
    if (this.#record !== null) fs.rmSync(this.#record.path, { force: true });
    if (this.#isDone) return;
    if (this.#record !== null) fs.closeSync(this.#record.descriptor);
    this.#socket?.close();
  }

  *#acquire(name: string): Generator<Question, void, Verdict> {
    for (;;) {
      const sighting = readSighting(this.#at(name));
      if (sighting === null) {
        if (this.#link(name)) return; // Step 3.
        continue;
      }
      // A link whose answer was lost on a network is told as a refusal when it is tried again.
      if (sighting.owner?.nonce === this.#nonce) return;
      const verdict = yield { path: this.#at(name), sighting };
      if (verdict === "changed") continue;
      if (verdict !== "dead" || sighting.owner === null) throw this.#locked(sighting.owner);
      if (yield* this.#succeed(name, sighting)) return;
    }
  }

  /** Takes the place of a dead owner (steps 4 and 5); false when there was something to look at again. */
  *#succeed(name: string, dead: Sighting): Generator<Question, boolean, Verdict> {
    const { nonce } = dead.owner!;
    const guard = guardOf(name, nonce);
    yield* this.#acquire(guard);
    const begin = monotonicNow();
    try {
      const now = readSighting(this.#at(name));
      // Not its heart alone: it may have been replaced, or a heartbeat may have come since it was judged.
      if (now === null || now.owner?.nonce !== nonce || now.beat !== dead.beat) return false;
      const spare = this.#at(`${LOCK_NAME}.${this.#nonce}.next`);
      fs.linkSync(this.#writeRecord(), spare);
      // Whoever stood still here for long may have been succeeded itself.
      if (monotonicNow() - begin > TRUST_MS) {
        fs.rmSync(spare, { force: true });
        return false;
      }
      fs.renameSync(spare, this.#at(name));
      removeSocketOf(this.#directory, nonce);
      return true;
    } finally {
      if (readSighting(this.#at(guard))?.owner?.nonce === this.#nonce) fs.rmSync(this.#at(guard));
    }
  }

  /** Puts our record under a name, unless there is one. */
  #link(name: string): boolean {
    try {
      fs.linkSync(this.#writeRecord(), this.#at(name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    }
  }

  /** Steps 1 and 2: the socket first, since the record tells of it. */
  #writeRecord(): string {
    if (this.#record !== null) return this.#record.path;
    this.#socket = LockSocket.listen(this.#directory, this.#nonce);
    const path = this.#at(`${LOCK_NAME}.${this.#nonce}.tmp`);
    const descriptor = fs.openSync(path, "wx+", 0o600);
    this.#record = { path, descriptor };
    const record = describeOurselves(this.#nonce, descriptor, this.#socket !== null);
    fs.writeFileSync(descriptor, JSON.stringify(record));
    // Before it gets its name: after a power cut an empty lock would name nobody, and hold for ever.
    fs.fsyncSync(descriptor);
    return path;
  }

  #at(name: string): string {
    return join(this.#directory, name);
  }

  #locked(owner: LockOwner | null): QuorateError<"ERR_LOCKED"> {
    const holder = holderOf(this.#shown, owner);
    const who =
      owner === null
        ? "a file named LOCK that is not ours; remove that file if no process uses the directory"
        : `process ${owner.pid} on host ${owner.host}; stop that process, or pass lockTimeoutMs to wait for it`;
    return new QuorateError("ERR_LOCKED", `data directory ${this.#shown} is locked by ${who}`, holder);
  }
}

interface HeldParts {
  readonly directory: string;
  readonly shown: string;
  readonly nonce: string;
  /** Of the file that LOCK is, so that a heartbeat never touches a successor's. */
  readonly descriptor: number;
  readonly socket: LockSocket | null;
}

/** A lock that was taken: shows others that its owner lives, and notices when it was lost. */
class HeldLock {
  onLost: (error: QuorateError) => void = () => {};
  readonly #parts: HeldParts;
  readonly #identity: string;
  /** When the last look began that found the lock ours. */
  #confirmedAt: number;
  #beatSeconds = 0;
  #waiting: Done[] = [];
  #isBeating = false;
  #isReleased = false;
  #lost: QuorateError<"ERR_LOCKED"> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: HeldParts) {
    this.#parts = parts;
    this.#identity = identityOf(fs.fstatSync(parts.descriptor, { bigint: true }));
    this.#confirmedAt = monotonicNow();
    this.beatSync();
    this.#beatLater();
  }

  get isTrusted(): boolean {
    return this.#lost === null && monotonicNow() - this.#confirmedAt <= TRUST_MS;
  }

  /** A heartbeat, and then a look whether LOCK is ours still (step 6). Calls that come meanwhile share it. */
  beat(done: Done): void {
    this.#waiting.push(done);
    if (this.#isBeating) return;
    this.#isBeating = true;
    const begin = monotonicNow();
    const finish = (error: QuorateError | null): void => {
      this.#isBeating = false;
      if (error === null) this.#confirmedAt = begin;
      if (this.#isReleased) fs.closeSync(this.#parts.descriptor);
      for (const each of this.#waiting.splice(0)) each(error);
    };
    if (this.#lost !== null) return void setImmediate(finish, this.#lost);
    const seconds = this.#nextBeat();
    fs.futimes(this.#parts.descriptor, seconds, seconds, (error) => {
      if (error) finish(refusal(error));
      else this.#look(finish);
    });
  }

  /** The same at once. Throws ERR_LOCKED, ERR_DISK. */
  beatSync(): void {
    if (this.#lost !== null) throw this.#lost;
    const begin = monotonicNow();
    let now: Sighting | null;
    try {
      fs.futimesSync(this.#parts.descriptor, this.#nextBeat(), this.#beatSeconds);
      now = fs.existsSync(this.#at(guardOf(LOCK_NAME, this.#parts.nonce)))
        ? null
        : readSighting(this.#at(LOCK_NAME));
    } catch (error) {
      throw refusal(error);
    }
    if (now === null || `${now.device}:${now.inode}` !== this.#identity) throw this.#lose(now?.owner ?? null);
    this.#confirmedAt = begin;
  }

  release(): void {
    const { descriptor, socket } = this.#parts;
    this.#isReleased = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#lost === null) this.#giveUp();
    socket?.close();
    if (!this.#isBeating) fs.closeSync(descriptor);
  }

  /** Removes LOCK under its guard (step 7), so that nobody who takes us for dead replaces a lock that came after ours. */
  #giveUp(): void {
    const [lock, guard] = [this.#at(LOCK_NAME), this.#at(guardOf(LOCK_NAME, this.#parts.nonce))];
    try {
      const now = readSighting(lock);
      if (now === null || `${now.device}:${now.inode}` !== this.#identity) return;
      fs.linkSync(lock, guard);
      try {
        if (readSighting(lock)?.owner?.nonce === this.#parts.nonce) fs.rmSync(lock);
      } finally {
        fs.rmSync(guard, { force: true });
      }
    } catch (error) {
      // A successor is at work, or the disk refuses: in either case the next taker finds that nobody listens.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  #look(done: Done): void {
    fs.access(this.#at(guardOf(LOCK_NAME, this.#parts.nonce)), (missing) => {
      // Somebody took us for dead, and is about to take our place.
      if (missing === null) return done(this.#lose(null));
      fs.open(this.#at(LOCK_NAME), "r", (error, descriptor) => {
        if (error) return done(error.code === "ENOENT" ? this.#lose(null) : refusal(error));
        fs.fstat(descriptor, { bigint: true }, (failure, stats) => {
          fs.closeSync(descriptor);
          if (failure) done(refusal(failure));
          else done(identityOf(stats) === this.#identity ? null : this.#lose(null));
        });
      });
    });
  }

  #lose(owner: LockOwner | null): QuorateError<"ERR_LOCKED"> {
    if (this.#lost !== null) return this.#lost;
    this.#lost = lost(this.#parts.shown, owner ?? successorIn(this.#at(LOCK_NAME), this.#parts.nonce));
    if (this.#timer !== null) clearTimeout(this.#timer);
    // What a beat finds that was under way during the release is no loss.
    if (!this.#isReleased) this.onLost(this.#lost);
    return this.#lost;
  }

  #beatLater(): void {
    const beat = (): void =>
      this.beat(() => {
        if (this.#lost === null && !this.#isReleased) this.#beatLater();
      });
    this.#timer = setTimeout(beat, BEAT_MS).unref();
  }

  /** Whole seconds that only grow: each file system keeps them, and each heartbeat is another. */
  #nextBeat(): number {
    this.#beatSeconds = Math.max(this.#beatSeconds + 1, Math.floor(wallNow() / 1000));
    return this.#beatSeconds;
  }

  #at(name: string): string {
    return join(this.#parts.directory, name);
  }
}

/** Whoever has this name has the right to replace or remove the file `name` while it names the owner with this nonce. */
function guardOf(name: string, nonce: string): string {
  return `${name}.${nonce}`;
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** Removes what takers left that were killed in the middle of it. */
function removeLeftovers(directory: string, ownNonce: string): void {
  const now = fs.statSync(join(directory, LOCK_NAME)).ctimeMs;
  for (const name of fs.readdirSync(directory)) {
    if (name === LOCK_NAME || !isLockFile(name) || name.includes(ownNonce)) continue;
    const path = join(directory, name);
    const changed = fs.statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? now;
    if (now - changed > LEFTOVER_MS) fs.rmSync(path, { force: true });
  }
}

function successorIn(path: string, nonce: string): LockOwner | null {
  try {
    const owner = readSighting(path)?.owner ?? null;
    return owner?.nonce === nonce ? null : owner;
  } catch {
    return null; // It only makes the message better.
  }
}

function holderOf(directory: string, owner: LockOwner | null): LockHolder {
  return { directory, pid: owner?.pid, host: owner?.host };
}

function lost(directory: string, owner: LockOwner | null): QuorateError<"ERR_LOCKED"> {
  const by = owner === null ? "" : ` by process ${owner.pid} on host ${owner.host}`;
  const message = `data directory ${directory} was taken over${by} while this process had it open`;
  return new QuorateError("ERR_LOCKED", message, holderOf(directory, owner), { outcome: "unknown" });
}

function refusal(error: unknown): QuorateError {
  if (QuorateError.is(error)) return error;
  return diskError("lock", LOCK_NAME, (error as NodeJS.ErrnoException).code, error);
}
