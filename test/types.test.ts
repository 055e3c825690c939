import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SURFACE = join(ROOT, "test/types/surface.ts");
const SLOW = 120_000;

/** What the compiler says of a file when it has this text, under the settings of this repository. */
function complaints(path: string, text: string): string[] {
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === path ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true) : read(name, ...rest);
  const program = ts.createProgram({ rootNames: [path], options, host });
  const file = program.getSourceFile(path);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
    ({ start, messageText }) => {
      const line = file!.getLineAndCharacterOfPosition(start ?? 0).line + 1;
      return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    },
  );
}

describe("the types of the package", { timeout: SLOW }, () => {
  const text = ts.sys.readFile(SURFACE)!;

  it("are what test/types/surface.ts claims", () => {
    expect(complaints(SURFACE, text)).toEqual([]);
  });

  it("are judged: a claim that is false, and a call that is expected to fail and does not, are told", () => {
    const broken = `${text}
expectTypeOf<Store<Date>["get"]>().returns.resolves.toEqualTypeOf<string>();
// @ts-expect-error nothing is wrong here
export const fine = (store: Store<string>) => store.get("a");
`;
    const found = complaints(SURFACE, broken);
    expect(found).toHaveLength(2);
    expect(found[1]).toContain("Unused '@ts-expect-error' directive");
  });
});
