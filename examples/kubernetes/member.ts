import { open } from "quorate";
import { MemberService } from "./member-service.ts";
import type { ChildMessage, MemberConfig, RequestMessage } from "./protocol.ts";

/**
 * The program of one process: it embeds a member of the cluster and does what its parent asks. On its own it would be
 * a small service that opens its store and uses it; see `member-service.ts` for the using.
 */
const { name, peers, files } = JSON.parse(process.argv[2]!) as MemberConfig;

// The terminal sends Ctrl-C to every process. When to end is for the parent to say, or for its own end.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit());

const service = start();
process.on("message", (message) => void answer(message as RequestMessage));
await service;

async function start(): Promise<MemberService> {
  const store = await open({ dir: files.store, name, peers, values: "json" });
  // A member that cannot go on has stopped already. Its process ends with it, and whoever runs it starts another.
  store.on("error", (error) => {
    throw error;
  });
  return new MemberService(name, store, files, send);
}

async function answer({ id, name, ask }: RequestMessage): Promise<void> {
  try {
    const member = await service;
    send({ type: "answer", id, answer: await member.requests[name](ask as never) });
  } catch (error) {
    send({
      type: "refusal",
      id,
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}

function send(message: ChildMessage): void {
  // The parent may be gone already; its end is ours as well.
  if (process.connected) process.send!(message, () => {});
}
