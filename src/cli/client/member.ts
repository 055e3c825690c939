import type { RemoteMember } from "../../client/remote-cluster.ts";
import { UsageError } from "../command.ts";
import { asJson, clientCommand, expectWords } from "./client-command.ts";
import { columns } from "./columns.ts";

export const member = clientCommand({
  name: "member",
  summary: "Show and change the members",
  usage:
    "member list | add --peer-urls URL [--learner] | remove ID | promote ID | update ID --peer-urls URL | lead ID",
  help: `
  list      the members
  add       a member that is reached at URL; start it with --initial-cluster-state existing
  remove    a member, which then stops
  promote   makes a voter of a learner that has caught up
  update    where the others reach a member
  lead      hands leadership to a member`,
  flags: { "peer-urls": "text", learner: "switch" },
  async run({ store: { cluster }, words: [action, ...words], flags, json, print }) {
    const urls = (): string[] => {
      if (flags["peer-urls"] === undefined) throw new UsageError("--peer-urls is missing");
      return flags["peer-urls"].split(",");
    };
    const id = (): string => expectWords(words, "ID")[0]!;
    switch (action) {
      case "list": {
        expectWords(words);
        const members = await cluster.members();
        print(json ? asJson(members) : columns([HEAD, ...members.map(row)]));
        return 0;
      }
      case "add": {
        expectWords(words);
        const added = await cluster.add({ peerUrls: urls(), isLearner: flags.learner });
        print(json ? asJson(added) : `${added.id}\n`);
        return 0;
      }
      case "remove":
        await cluster.remove(id());
        break;
      case "promote":
        await cluster.promote(id());
        break;
      case "update":
        await cluster.update(id(), urls());
        break;
      case "lead":
        await cluster.transfer(id());
        break;
      default:
        throw new UsageError("list, add, remove, promote, update or lead is expected");
    }
    print(json ? asJson({ ok: true }) : "OK\n");
    return 0;
  },
});

const HEAD = ["ID", "NAME", "ROLE", "PEERS", "CLIENTS"];

function row({ id, name, peerUrls, clientUrls, isLearner }: RemoteMember): string[] {
  const role = isLearner ? "learner" : "voter";
  return [id, name === "" ? "(not started)" : name, role, peerUrls.join(","), clientUrls.join(",")];
}
