import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../../../examples/kubernetes/free-ports.ts";

const run = promisify(execFile);

export const hasEtcdctl = ((): boolean => {
  try {
    execFileSync("etcdctl", ["version"], { env: { ...process.env, ETCDCTL_API: "3" }, stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** Where a member is, by name. */
export interface Place {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

/** One `quorate serve` in a process of its own. */
export class Served {
  readonly place: Place;
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | null>;
  log = "";

  constructor(place: Place, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.place = place;
    const command = ["--import", "tsx", "src/cli/main.ts", "serve", ...args];
    this.#process = spawn(process.execPath, command, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process.stderr!.on("data", (data: Buffer) => {
      this.log += data.toString();
    });
    this.#ended = new Promise((resolve) => this.#process.once("exit", (code) => resolve(code)));
  }

  /** Waits until its log has the words. */
  async says(words: string): Promise<void> {
    const deadline = performance.now() + 30_000;
    let isOver = false;
    void this.#ended.then(() => {
      isOver = true;
    });
    while (!this.log.includes(words)) {
      if (isOver || performance.now() > deadline)
        throw new Error(`${this.place.name} did not say "${words}":\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  ready(): Promise<void> {
    return this.says("ready to serve client requests");
  }

  get ended(): Promise<number | null> {
    return this.#ended;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#process.kill(signal);
    return this.#ended;
  }
}

/** Servers of one test on loopback, with their directories, and their end. */
export class ServedWorld {
  readonly directory = mkdtempSync(join(tmpdir(), "quorate-serve-"));
  readonly scheme: "http" | "https";
  readonly #servers: Served[] = [];

  constructor(scheme: "http" | "https" = "http") {
    this.scheme = scheme;
  }

  async places(...names: readonly string[]): Promise<Place[]> {
    const ports = await freePorts(names.length * 2);
    return names.map((name, at) => ({
      name,
      client: `${this.scheme}://127.0.0.1:${ports[2 * at]}`,
      peer: `${this.scheme}://127.0.0.1:${ports[2 * at + 1]}`,
    }));
  }

  /** The flags of a member, as etcd has them. */
  flags({ name, client, peer }: Place, members: readonly Place[]): string[] {
    return [
      ...["--name", name, "--data-dir", join(this.directory, name)],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      ...["--initial-cluster", members.map((member) => `${member.name}=${member.peer}`).join(",")],
    ];
  }

  serve(place: Place, args: readonly string[], env: Readonly<Record<string, string>> = {}): Served {
    const server = new Served(place, args, env);
    this.#servers.push(server);
    return server;
  }

  async cluster(...names: readonly string[]): Promise<Served[]> {
    const places = await this.places(...names);
    const servers = places.map((place) => this.serve(place, this.flags(place, places)));
    await Promise.all(servers.map((server) => server.ready()));
    return servers;
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.end("SIGKILL")));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs etcdctl, and gives what it prints. Rejects when it fails. */
export async function etcdctl(
  endpoints: readonly (Served | Place | string)[],
  ...args: readonly string[]
): Promise<string> {
  // With a scheme etcdctl 3.4 makes names of hosts for which HTTP/2 has no room.
  const urls = endpoints.map((given) =>
    (typeof given === "string" ? given : "place" in given ? given.place.client : given.client).replace(
      "http://",
      "",
    ),
  );
  const env = { ...process.env, ETCDCTL_API: "3" };
  const { stdout } = await run("etcdctl", ["--endpoints", urls.join(","), ...args], { env, timeout: 30_000 });
  return stdout.trim();
}

export interface ListedMember {
  readonly id: string;
  readonly isStarted: boolean;
  readonly name: string;
  readonly peer: string;
  readonly client: string;
  readonly isLearner: boolean;
}

export async function memberList(endpoints: readonly (Served | Place)[]): Promise<ListedMember[]> {
  const lines = (await etcdctl(endpoints, "member", "list")).split("\n");
  return lines.map((line) => {
    const [id = "", status, name = "", peer = "", client = "", learner] = line.split(", ");
    return { id, isStarted: status === "started", name, peer, client, isLearner: learner === "true" };
  });
}

/** Waits until a question is answered as it should be; the answer's own failures do not count. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  isRight: (answer: Answer) => boolean,
): Promise<Answer> {
  const deadline = performance.now() + 30_000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (isRight(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `waited in vain; the last answer was ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}
