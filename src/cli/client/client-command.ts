import { parseArgs } from "node:util";
import { defined } from "../../base/defaults.ts";
import { type Outcome, QuorateError } from "../../base/errors.ts";
import { connect } from "../../client/connect.ts";
import type { RemoteStore } from "../../client/remote-store.ts";
import { type Command, type ExitCode, UsageError, unusable } from "../command.ts";

/** Flags by name: those that switch something on, and those that take text. */
type FlagKinds = Readonly<Record<string, "switch" | "text" | "texts">>;

type FlagValues<Kinds extends FlagKinds> = {
  readonly [Name in keyof Kinds]: Kinds[Name] extends "switch"
    ? boolean
    : Kinds[Name] extends "texts"
      ? readonly string[]
      : string | undefined;
};

/** What a command of a client works with. */
export interface ClientCall<Kinds extends FlagKinds> {
  readonly store: RemoteStore<string>;
  readonly words: readonly string[];
  readonly flags: FlagValues<Kinds>;
  /** Whether to print JSON. */
  readonly json: boolean;
  print(text: string): void;
  /** Aborts when the process is told to end. To be asked for once, by what then ends by itself. */
  readonly signal: AbortSignal;
}

interface ClientCommandParts<Kinds extends FlagKinds> {
  readonly name: string;
  readonly summary: string;
  /** What follows `quorate` in the first line of the help. */
  readonly usage: string;
  readonly help: string;
  readonly flags: Kinds;
  run(call: ClientCall<Kinds>): Promise<ExitCode>;
}

const COMMON: FlagKinds = {
  endpoints: "text",
  cacert: "text",
  cert: "text",
  key: "text",
  user: "text",
  password: "text",
  "command-timeout": "text",
  json: "switch",
};

const COMMON_HELP = `
  --endpoints URL,…        the servers (ETCDCTL_ENDPOINTS; default: 127.0.0.1:2379)
  --cacert, --cert, --key  PEM files for TLS (ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY)
  --user NAME[:PASSWORD]   who asks (ETCDCTL_USER); --password PASSWORD
  --command-timeout SECONDS  how long to wait for an answer (default: 10)
  --json                   print JSON

Ends with 0, or with 1 when the call failed; whether a write that failed may have
happened is said.
`;

/** A command that asks a server. */
export function clientCommand<const Kinds extends FlagKinds>(parts: ClientCommandParts<Kinds>): Command {
  const { name, summary, usage, help, flags: kinds, run } = parts;
  return {
    name,
    summary,
    help: `Usage: quorate ${usage}\n\n${help.replace(/^\n/, "").trimEnd()}\n${COMMON_HELP}`,
    async run(args, print) {
      const { values, positionals } = parse(args, { ...COMMON, ...kinds });
      const flags = Object.fromEntries(
        Object.entries(kinds).map(([flag, kind]) => [flag, values[flag] ?? EMPTY[kind]]),
      ) as FlagValues<Kinds>;
      const store = await connectBy(values);
      const ending = new AbortController();
      const end = (): void => ending.abort();
      try {
        const json = values["json"] === true;
        return await run({
          store,
          words: positionals,
          flags,
          json,
          print,
          // Whoever does not ask for it is ended as programs usually are.
          get signal() {
            for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
            return ending.signal;
          },
        });
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        process.stderr.write(`quorate: ${error.code}: ${error.message}${HAPPENED[error.outcome]}\n`);
        return 1;
      } finally {
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
        await store.close();
      }
    },
  };
}

/** What is added to an error's text, by its outcome. */
const HAPPENED: Readonly<Record<Outcome, string>> = {
  none: "",
  unknown: " (it may have happened all the same)",
  done: " (the write took effect)",
};

const EMPTY = { switch: false, text: undefined, texts: [] } as const;

/** The words that a command takes, by name. Throws UsageError for too few or too many. */
export function expectWords(words: readonly string[], ...names: readonly string[]): string[] {
  if (words.length < names.length) throw new UsageError(`${names[words.length]} is missing`);
  if (words.length > names.length) throw new UsageError(`"${words[names.length]}" is one word too many`);
  return [...words];
}

/** Throws UsageError. */
export function wholeNumber(name: string, text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new UsageError(`${name} must be a whole number, not "${text}"`);
}

export function maybeNumber(name: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(name, text);
}

export function asJson(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

function parse(args: readonly string[], kinds: FlagKinds): { values: Values; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(kinds).map(([flag, kind]) => {
      if (kind === "switch") return [flag, { type: "boolean" as const }];
      return [flag, { type: "string" as const, multiple: kind === "texts" }];
    }),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values: values as Values, positionals };
  } catch (error) {
    throw unusable(error, Object.keys(options));
  }
}

async function connectBy(values: Values): Promise<RemoteStore<string>> {
  // An empty variable of a shell must not take away what was asked for.
  const empty = Object.keys(COMMON).find((flag) => values[flag] === "" && flag !== "password");
  if (empty !== undefined)
    throw new UsageError(`--${empty} is empty: give it a value, or leave the flag out`);
  const given = (flag: string): string | undefined => {
    const value = values[flag] ?? variable(flag);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const [ca, cert, key] = [given("cacert"), given("cert"), given("key")];
  const [user = "", ...rest] = given("user")?.split(":") ?? [];
  const password = given("password") ?? rest.join(":");
  if (user === "" && (given("user") ?? given("password")) !== undefined)
    throw new UsageError("--password needs the name of a user, in --user");
  const tls =
    ca === undefined && cert === undefined
      ? undefined
      : defined({ ca, cert, key, minVersion: "TLSv1.2" as const });
  if ((cert === undefined) !== (key === undefined)) throw new UsageError("--cert and --key belong together");
  const timeout = given("command-timeout");
  const options = {
    endpoints: (given("endpoints") ?? "127.0.0.1:2379").split(","),
    ...defined({ tls, auth: user === "" ? undefined : { user, password } }),
    callTimeoutMs:
      timeout === undefined ? undefined : 1_000 * wholeNumber("--command-timeout", timeout.replace(/s$/, "")),
  };
  return connect(options).catch((error: unknown) => {
    const isUsage =
      QuorateError.is(error, "ERR_INVALID_ARGUMENT") && !error.details.argument.startsWith("tls.");
    throw isUsage ? new UsageError(error.message) : error;
  });
}

/** etcd's own variables, and ours before them. */
function variable(flag: string): string | undefined {
  const name = flag.toUpperCase().replaceAll("-", "_");
  return process.env[`QUORATE_${name}`] ?? process.env[`ETCDCTL_${name}`];
}
