import type { KeyCompares } from "../../kv/compares.ts";
import type { KvEntry } from "../../kv/keyspace.ts";
import type { Compare } from "../../kv/machine/command.ts";
import type { OpFactory } from "../../kv/txn-builder.ts";
import type { Op } from "../../kv/txn-operations.ts";
import { UsageError } from "../command.ts";
import { asJson, clientCommand, expectWords, wholeNumber } from "./client-command.ts";

export const txn = clientCommand({
  name: "txn",
  summary: "Compare, and write or read, in one step",
  usage: "txn [--when COMPARE …] [--do OPERATION …] [--otherwise OPERATION …]",
  help: `
If every compare holds the operations of --do are carried out, otherwise those of
--otherwise; all in one revision.

  COMPARE     exists(KEY), missing(KEY), or FIELD(KEY) SIGN OPERAND, with FIELD one of
              value, version, mod, create, lease and SIGN one of = != < >
  OPERATION   put KEY VALUE, get KEY, del KEY; words with spaces in "double quotes"

  quorate txn --when 'missing(leader)' --do 'put leader n1' --otherwise 'get leader'`,
  flags: { when: "texts", do: "texts", otherwise: "texts" },
  async run({ store, words, flags, json, print }) {
    expectWords(words);
    const compares = flags.when.map(readCompare);
    const [done, otherwise] = [flags.do.map(readOperation), flags.otherwise.map(readOperation)];
    const { ok, revision, results } = await store
      .txn()
      .when(...compares)
      .do((op) => done.map((make) => make(op)))
      .otherwise((op) => otherwise.map((make) => make(op)))
      .commit();
    if (json) print(asJson({ ok, revision, results }));
    else print(`${ok ? "SUCCESS" : "FAILURE"}\n${results.map(resultText).join("")}`);
    return 0;
  },
});

type Keys = (key: string) => KeyCompares<string>;
type Result = KvEntry<string> | number | string | undefined;

const FIELDS = {
  value: "value",
  version: "version",
  mod: "modRevision",
  create: "createRevision",
  lease: "lease",
} as const;
const SIGNS = { "=": "eq", "!=": "ne", "<": "lt", ">": "gt" } as const;
const COMPARE = /^\s*(\w+)\(([^)]+)\)\s*(?:(=|!=|<|>)\s*(.*?)\s*)?$/s;

function readCompare(text: string): (key: Keys) => Compare {
  const [, word, name, sign, operand] = COMPARE.exec(text) ?? [];
  if (word === undefined || name === undefined) throw new UsageError(`"${text}" is no compare`);
  if (sign === undefined && (word === "exists" || word === "missing"))
    return (key) => key(unquoted(name))[word]();

  const field = FIELDS[word as keyof typeof FIELDS];
  if (field === undefined || sign === undefined || operand === undefined)
    throw new UsageError(`"${text}" is no compare`);
  const relation = SIGNS[sign as keyof typeof SIGNS];
  if (field === "value" || field === "lease")
    return (key) => key(unquoted(name))[field][relation](unquoted(operand));
  const number = wholeNumber(`the operand of "${text}"`, unquoted(operand));
  return (key) => key(unquoted(name))[field][relation](number);
}

function readOperation(text: string): (op: OpFactory<string>) => Op<Result> {
  const [word, key, value, ...rest] = wordsOf(text);
  const isWhole = key !== undefined && rest.length === 0 && (value !== undefined) === (word === "put");
  if (!isWhole) throw new UsageError(`"${text}" is no operation`);
  switch (word) {
    case "put":
      return (op) => ({ ...op.put(key, value!), read: () => "OK" });
    case "get":
      return (op) => op.get(key);
    case "del":
      return (op) => op.delete(key);
    default:
      throw new UsageError(`"${word}" is no operation; there are put, get and del`);
  }
}

/** Words apart by spaces; what stands in double quotes is one, with JSON's escapes. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"|\S+/gs)].map(([word]) => unquoted(word));
}

function unquoted(word: string): string {
  if (!/^".*"$/s.test(word)) return word;
  try {
    return JSON.parse(word) as string;
  } catch {
    throw new UsageError(`${word} is not well quoted`);
  }
}

function resultText(result: unknown): string {
  if (typeof result === "object" && result !== null) {
    const { key, value } = result as KvEntry<string>;
    return `\n${key}\n${value}\n`;
  }
  return `\n${result ?? ""}\n`;
}
