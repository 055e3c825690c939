import { isDeletion } from "../../kv/mvcc/key-history.ts";
import { keysWithPrefix, singleKey } from "../../kv/mvcc/key-range.ts";
import type { LeaderKey, LeaderRequest, LeaderResponse } from "../../wire/recipe-messages.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import { drained } from "../drained.ts";
import type { MessageStream, Services } from "../services.ts";
import { nextChanges } from "../watch/key-events.ts";
import { firstInLine, waitInLine, writeIfHeld } from "./wait-in-line.ts";

/** Elections that the server waits for. */
export function serveElection(services: Services, front: Front): void {
  services.answer(METHODS.campaign, async (request, client) => {
    const { key, revision, lease, takenAt } = await waitInLine(client, request);
    return { header: front.header(takenAt), leader: { name: request.name, key, rev: revision, lease } };
  });

  services.answer(METHODS.proclaim, async ({ leader, value }, client) => {
    const { key, rev, lease } = required(leader);
    const put = { kind: "put", key, value, lease } as const;
    if (!(await writeIfHeld(client, { key, revision: rev }, put))) throw refusal("electionNotLeader");
    return { header: front.header() };
  });

  services.answer(METHODS.leader, async ({ name }, client) => {
    await front.linearize();
    const kv = firstInLine(client, name);
    if (kv === undefined) throw refusal("electionNoLeader");
    return { header: front.header(), kv };
  });

  services.stream(METHODS.observe, ({ name }, stream) => observe(front, name, stream));

  services.answer(METHODS.resign, async ({ leader }, client) => {
    const { key, rev } = required(leader);
    await writeIfHeld(client, { key, revision: rev }, { kind: "delete", range: singleKey(key) });
    return { header: front.header() };
  });
}

function required(leader: LeaderKey | null): LeaderKey {
  if (leader === null) throw refusal("leaderMissing");
  return leader;
}

/** Tells who leads and what they proclaim, one after the other, for as long as somebody listens. */
async function observe(
  front: Front,
  name: string,
  stream: MessageStream<LeaderRequest, LeaderResponse>,
): Promise<void> {
  const { signal } = stream.client;
  await front.linearize();
  for (;;) {
    const from = front.machine.store.revision + 1;
    const leader = firstInLine(stream.client, name);
    if (leader === undefined) {
      await nextChanges(front, { range: keysWithPrefix(`${name}/`), from, without: "delete" }, signal);
      continue;
    }
    await drained(stream, stream.send({ header: front.header(), kv: leader }));
    await tellProclamations(front, leader.key, from, stream);
  }
}

/** Returns when the key is gone. */
async function tellProclamations(
  front: Front,
  key: string,
  from: number,
  stream: MessageStream<LeaderRequest, LeaderResponse>,
): Promise<void> {
  for (let next = from; ; ) {
    const batch = await nextChanges(front, { range: singleKey(key), from: next }, stream.client.signal);
    if (batch.kind === "compacted") return;
    for (const { change } of batch.changes) {
      if (isDeletion(change)) return;
      stream.client.checkReads(singleKey(key));
      await drained(stream, stream.send({ header: front.header(), kv: change }));
    }
    next = batch.revision + 1;
  }
}
