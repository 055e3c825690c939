import { isLoopback, parseAddress } from "../transport/address.ts";

/** A member that `restore` has made. */
export interface MadeMember {
  readonly directory: string;
  readonly name: string;
  readonly cluster: string;
  readonly revision: number;
  /** Where every member is, by name. */
  readonly members: Readonly<Record<string, string>>;
  /** Whether the members were named; otherwise it is alone. */
  readonly hasPeers: boolean;
}

/** How the member is started: as a server, and inside a program. */
export interface StartCommand {
  readonly serve: string;
  readonly open: string;
  /** What the commands cannot know; null where they are complete. */
  readonly note: string | null;
}

/** The commands that start this member, and no other: without its name, members and cluster it is refused. */
export function startCommand({ directory, name, cluster, members, hasPeers }: MadeMember): StartCommand {
  const address = members[name]!;
  const url = (each: string): string => `http://${each}`;
  const first = Object.entries(members).map(([each, at]) => `${each}=${url(at)}`);
  const flags: readonly [string, string][] = [
    ["name", name],
    ["data-dir", directory],
    ["initial-cluster", first.join(",")],
    ["initial-cluster-token", cluster],
    ["listen-peer-urls", url(address)],
    ["initial-advertise-peer-urls", url(address)],
  ];
  const options = { dir: directory, name, ...(hasPeers ? { peers: members } : {}), clusterName: cluster };
  const isOpen = Object.values(members).some((each) => !isLoopback(parseAddress(each)?.host ?? ""));
  return {
    serve: `quorate serve ${flags.map(([flag, value]) => `--${flag} ${quoted(value)}`).join(" ")}`,
    open: `open(${JSON.stringify(options)})`,
    note: isOpen
      ? "other machines can connect: add the flags for TLS, with https in the URLs, or --insecure"
      : null,
  };
}

/** A word of a shell's command line. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
