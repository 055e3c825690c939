import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { Random } from "../../base/random.ts";
import { KvMachine } from "../../kv/machine/kv-machine.ts";
import { fittingSegmentBytes } from "../../memory.ts";
import { decodeTicket, encodeTicket } from "../../replica/members/ticket.ts";
import { type OpenedStorage, openStorage } from "../../replica/opening.ts";
import { DiskStorage } from "../../storage/disk/disk-storage.ts";
import { checkNothingElse } from "../../storage/disk/foreign-files.ts";
import { NodeFiles, type NodeFilesOptions, syncFolder } from "../../storage/files/node-files.ts";
import { MANIFEST_PATH } from "../../storage/layout/data-dir.ts";
import { MemoryNetwork } from "../../transport/memory-transport.ts";
import { checkDirectory } from "../data-directory-path.ts";

/**
 * A server's directory: the store that `open` or `quorate restore` made there, or one that a server made: then `member` holds the store; `ticket` says whose member it is. With a ticket every start is
 * alike, whether the member was one of the first or was added later, and needs no flags to find its cluster again.
 */
export class DataDirectory {
  readonly member: string;
  readonly #path: string;
  readonly #options: NodeFilesOptions;

  constructor(path: string, options: NodeFilesOptions = {}) {
    this.#path = path;
    this.#options = options;
    // What `open` or `quorate restore` made lies in the directory itself.
    this.member = existsSync(join(path, MANIFEST_PATH)) ? path : join(path, "member");
  }

  /** The ticket of an earlier start, with the name that it is for; null in a directory that was not used yet. */
  get ticket(): { readonly text: string; readonly name: string } | null {
    const path = join(this.#path, "ticket");
    if (!existsSync(path)) return null;
    const text = readFileSync(path, "utf8").trim();
    const { id, members } = decodeTicket(text);
    return { text, name: members.find((member) => member.id === id)!.name };
  }

  /** Throws ERR_DISK where it cannot be a directory, and ERR_FOREIGN_DIRECTORY where it holds something else than a member. */
  check(): void {
    checkDirectory(this.#path, "new");
    const files = new NodeFiles(this.#path);
    const names = files.listSync("");
    const inMember = files.listSync("member");
    // One store is served whatever else lies beside it: a log or a core dump must not keep it from starting again. Where
    // there are two, only their owner can say which of them counts.
    if (names.includes(MANIFEST_PATH) !== inMember.includes(MANIFEST_PATH)) return;
    const isMember = inMember.includes(MANIFEST_PATH) || !inMember.includes("snap");
    checkNothingElse(files, isMember ? ["member", "ticket", "ticket.tmp"] : []);
  }

  /** Whether there is no store in it. */
  get isNew(): boolean {
    return !existsSync(join(this.member, MANIFEST_PATH));
  }

  /** What an operator should know of it before anything is kept here; null where all is well. */
  get warning(): string | null {
    // Windows has other permissions, which Node does not tell.
    if (process.platform === "win32" || !existsSync(this.#path)) return null;
    const mode = statSync(this.#path).mode & 0o777;
    if ((mode & 0o077) === 0) return null;
    return `${this.#path} has the mode 0${mode.toString(8)}: others on this machine may look into it; 0700 is better`;
  }

  /** The store in it; not open yet. */
  storage(): DiskStorage {
    return new DiskStorage(new NodeFiles(this.member, this.#options), {
      segmentBytes: fittingSegmentBytes(),
    });
  }

  keepTicket(text: string): void {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 });
    const path = join(this.#path, "ticket");
    const file = openSync(`${path}.tmp`, "w", 0o600);
    writeSync(file, `${text}\n`);
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.tmp`, path);
    syncFolder(this.#path);
    syncFolder(dirname(this.#path));
  }

  /** Founds a cluster here, with the first members by name and address, and gives this member's ticket. */
  async found(name: string, peers: Readonly<Record<string, string>>, cluster: string): Promise<string> {
    mkdirSync(this.member, { recursive: true, mode: 0o700 });
    const storage = this.storage();
    // What takes part in nothing needs neither a network nor chance.
    const idle = { transport: new MemoryNetwork().transport(), clock: systemClock, random: new Random(1) };
    const { enrolment, snapshot } = await new Promise<OpenedStorage>((resolve, reject) => {
      const options = { name, peers, cluster, storage, machine: new KvMachine(), ...idle };
      openStorage(options, (error, opened) => (opened === undefined ? reject(error) : resolve(opened)));
    });
    snapshot?.close();
    await new Promise((resolve) => storage.close(resolve));
    const { clusterId, self, members } = enrolment;
    const ticket = encodeTicket({ clusterId, id: self.id, members });
    this.keepTicket(ticket);
    return ticket;
  }
}
