/**
 * A state machine of your own: a bank whose books are the same on every member, and survive the loss of one.
 * Run it: npx tsx examples/bank.ts
 */
import { type Applied, createReplica, type StateMachine } from "quorate";
import { loopbackPeers } from "./loopback.ts";

type Command =
  | { readonly kind: "deposit"; readonly to: string; readonly amount: number }
  | { readonly kind: "transfer"; readonly from: string; readonly to: string; readonly amount: number };
type Answer = "done" | "insufficient funds";

/** Every member applies the same commands in the same order: no clock, no chance, nothing from outside. */
class Bank implements StateMachine<Command, Answer, string, number> {
  #balances = new Map<string, number>();

  apply(batch: readonly Applied<Command>[]): Answer[] {
    return batch.map(({ command }) => this.#execute(command));
  }

  query(owner: string): number {
    return this.#balances.get(owner) ?? 0;
  }

  /** The whole state as of now; later commands must not show in it. */
  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([...this.#balances]))];
  }

  restore(chunks: Iterable<Uint8Array>): void {
    this.#balances = new Map(JSON.parse(Buffer.concat([...chunks]).toString()));
  }

  #execute(command: Command): Answer {
    if (command.kind === "transfer") {
      // To refuse is a result like any other. Throwing would stop the member.
      if (this.query(command.from) < command.amount) return "insufficient funds";
      this.#balances.set(command.from, this.query(command.from) - command.amount);
    }
    this.#balances.set(command.to, this.query(command.to) + command.amount);
    return "done";
  }
}

const peers = await loopbackPeers("n1", "n2", "n3");
const [n1, n2, n3] = await Promise.all(
  Object.keys(peers).map((name) => createReplica({ name, peers, machine: new Bank() })),
);

await n1!.propose({ kind: "deposit", to: "ada", amount: 100 });
const transfer = { kind: "transfer", from: "ada", to: "bob", amount: 70 } as const;
// Two at once, at two members: one of them comes first everywhere, and the other finds the account too low.
const answers = await Promise.all([n1!.propose(transfer), n2!.propose(transfer)]);
console.log(answers.sort().join(", "));

await n1!.close(); // Two of three are enough.
console.log(`ada has ${await n2!.query("ada")}, bob has ${await n3!.query("bob")}`);
await Promise.all([n2!.close(), n3!.close()]);
