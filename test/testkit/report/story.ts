import type { RecordedEvent, Recording } from "../../../src/testkit/recording.ts";

/** An acknowledged write is lost: the leader counted a follower that had not saved it yet. */
export function lostWrite(): Recording {
  const events: RecordedEvent[] = [];
  const add = (event: RecordedEvent): number => events.push(event) - 1;
  const start = (who: string) =>
    add({
      ...{ at: 0, who, kind: "restart", text: "starts with an empty disk" },
      state: { role: "follower", term: 1, committed: 0, applied: 0, saved: 0, log: { from: 1, terms: [] } },
    });
  for (const who of ["n1", "n2", "n3"]) start(who);
  const send = (at: number, who: string, text: string) => add({ at, who, kind: "send", text });
  const receive = (at: number, who: string, text: string, cause: number, state?: RecordedEvent["state"]) =>
    add({ at, who, kind: "receive", text, causes: [cause], ...(state === undefined ? {} : { state }) });

  add({
    at: 150,
    who: "n1",
    kind: "role",
    text: "is candidate in term 2",
    state: { role: "candidate", term: 2 },
  });
  const ask = [send(150, "n1", "→ n2 vote for me"), send(150, "n1", "→ n3 vote for me")];
  receive(152, "n2", "← n1 vote for me", ask[0]!, { term: 2 });
  receive(153, "n3", "← n1 vote for me", ask[1]!, { term: 2 });
  const yes = send(153, "n2", "→ n1 yes");
  receive(155, "n1", "← n2 yes", yes);
  add({ at: 155, who: "n1", kind: "role", text: "is leader in term 2", state: { role: "leader", term: 2 } });
  const call = add({ at: 200, who: "c0", peer: "n1", kind: "call", text: "put k1 <b>v</b> → n1" });
  add({ at: 200, who: "n1", kind: "save", text: "writes 1@2", state: { log: { from: 1, terms: [2] } } });
  const append = [send(201, "n1", "→ n2 append 1@2"), send(201, "n1", "→ n3 append 1@2")];
  receive(203, "n3", "← n1 append 1@2", append[1]!, { log: { from: 1, terms: [2] } });
  const early = send(203, "n3", "→ n1 accepted to 1");
  add({ at: 204, who: "n2", kind: "drop", text: "lost from n1: append 1@2", causes: [append[0]!] });
  add({ at: 205, who: "n1", kind: "save", text: "has everything to 1@2 on the disk", state: { saved: 1 } });
  receive(206, "n1", "← n3 accepted to 1", early);
  add({
    at: 206,
    who: "n1",
    kind: "commit",
    text: "takes everything to 1 for committed",
    state: { committed: 1 },
  });
  const end = add({ at: 206, who: "c0", peer: "n1", kind: "return", text: "ok", causes: [call] });
  const beat = send(206, "n1", "→ n2 heartbeat");
  receive(208, "n2", "← n1 heartbeat", beat);
  add({ at: 210, who: "n3", kind: "crash", text: "loses power (M1)", state: { role: "down" } });
  add({
    ...{ at: 220, who: null, kind: "partition", text: "partition {n1} | {n2 n3} for 900 ms" },
    groups: [["n1"], ["n2", "n3"]],
  });
  const lost = add({ at: 250, who: "c1", peer: "n1", kind: "call", text: "put k1 v2 → n1" });
  add({
    ...{ at: 400, who: "n3", kind: "restart", text: "starts again with an empty disk" },
    state: { role: "follower", term: 2, committed: 0, applied: 0, saved: 0, log: { from: 1, terms: [] } },
  });
  add({
    at: 560,
    who: "n2",
    kind: "role",
    text: "is candidate in term 3",
    state: { role: "candidate", term: 3 },
  });
  const again = send(560, "n2", "→ n3 vote for me");
  receive(562, "n3", "← n2 vote for me", again, { term: 3 });
  const granted = send(562, "n3", "→ n2 yes");
  receive(564, "n2", "← n3 yes", granted);
  add({ at: 564, who: "n2", kind: "role", text: "is leader in term 3", state: { role: "leader", term: 3 } });
  const event = add({ at: 564, who: "n2", kind: "violation", text: "D2 lost acknowledged write" });
  return {
    ...{ format: 1, title: "bank · a write is lost", seed: 7, members: ["n1", "n2", "n3"], events },
    operations: [
      { client: "c0", input: "put k1 <b>v</b>", output: "ok", outcome: "ok", call, return: end },
      { client: "c1", input: "put k1 v2", output: null, outcome: "unknown", call: lost, return: null },
    ],
    violation: {
      ...{ invariant: "D2 lost acknowledged write", event },
      message: "k1 = <b>v</b> was acknowledged at 206 ms and is missing at n2, which leads in term 3",
    },
    replay: "npx quorate sim replay sim-failures/7/scenario.json",
  };
}
