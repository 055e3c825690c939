/**
 * Writes `docs/api.txt`: what each entry of the package exports, and every declaration that these rest on. A change of
 * the surface is then a change of that file, for all to see. Run `npx tsx scripts/api-report.ts` to accept one.
 */
import { writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import tsup from "../tsup.config.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const REPORT = join(ROOT, "docs/api.txt");

/** One declared name: a class may also be an interface, a function have overloads. */
interface Declared {
  readonly path: string;
  readonly name: string;
  readonly nodes: readonly ts.Statement[];
}

/** The emitted declarations of `src/`, by path, read without a type checker: names are followed by hand. */
class Declarations {
  readonly #files = new Map<string, ts.SourceFile>();

  constructor(entries: readonly string[]) {
    const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    const emitting = {
      ...options,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      removeComments: true,
    };
    const program = ts.createProgram({ rootNames: [...entries], options: emitting });
    program.emit(undefined, (path, text) => {
      const source = path.replace(/\.d\.ts$/, ".ts");
      this.#files.set(source, ts.createSourceFile(source, text, ts.ScriptTarget.ES2023, true));
    });
  }

  /** The names that a file exports, with what they stand for. */
  exports(path: string): Map<string, Declared> {
    const found = new Map<string, Declared>();
    for (const statement of this.#file(path).statements) {
      if (ts.isExportDeclaration(statement)) {
        const from = literalPath(path, statement.moduleSpecifier);
        if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause)) continue;
        for (const { name, propertyName } of statement.exportClause.elements) {
          const declared = this.find(from ?? path, (propertyName ?? name).text);
          if (declared !== null) found.set(name.text, declared);
        }
      } else if (isExported(statement)) {
        for (const name of namesOf(statement)) {
          const declared = this.find(path, name);
          if (declared !== null) found.set(name, declared);
        }
      }
    }
    return found;
  }

  /** What a name means in a file, wherever it was declared; null for what comes from outside. */
  find(path: string, name: string): Declared | null {
    const nodes = this.#file(path).statements.filter((statement) => namesOf(statement).includes(name));
    if (nodes.length > 0) return { path, name, nodes };
    for (const statement of this.#file(path).statements) {
      const source = sourceOf(statement, name);
      const from = source === null ? null : literalPath(path, source.module);
      if (from !== null) return this.find(from, source!.name);
    }
    return null;
  }

  #file(path: string): ts.SourceFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new Error(`nothing was emitted for ${path}`);
    return file;
  }
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
  );
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  const isNamed =
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name !== undefined ? [statement.name.text] : [];
}

/** Where a statement takes a name from, if it does. */
function sourceOf(statement: ts.Statement, name: string): { module: ts.Expression; name: string } | null {
  const named = ts.isImportDeclaration(statement)
    ? statement.importClause?.namedBindings
    : ts.isExportDeclaration(statement)
      ? statement.exportClause
      : undefined;
  if (named === undefined || !(ts.isNamedImports(named) || ts.isNamedExports(named))) return null;
  const { moduleSpecifier } = statement as ts.ImportDeclaration | ts.ExportDeclaration;
  for (const element of named.elements) {
    if (element.name.text !== name || moduleSpecifier === undefined) continue;
    return { module: moduleSpecifier, name: (element.propertyName ?? element.name).text };
  }
  return null;
}

function literalPath(from: string, specifier: ts.Node | undefined): string | null {
  if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith("."))
    return null;
  return resolve(dirname(from), specifier.text);
}

/** The declarations that a declaration names. */
function named(declarations: Declarations, { path, nodes }: Declared): Declared[] {
  const found: Declared[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      const from = literalPath(path, node.argument.literal);
      const name = node.qualifier?.getText();
      if (from !== null && name !== undefined) push(declarations.find(from, name));
    } else if (ts.isIdentifier(node) && !isMemberName(node)) push(declarations.find(path, node.text));
    ts.forEachChild(node, visit);
  };
  const push = (declared: Declared | null): void => {
    if (declared !== null) found.push(declared);
  };
  for (const node of nodes) visit(node);
  return found;
}

/** Whether an identifier only names a member or a parameter, which says nothing of a declaration that has the same name. */
function isMemberName(identifier: ts.Identifier): boolean {
  const { parent } = identifier;
  const isMember =
    ts.isTypeElement(parent) ||
    ts.isClassElement(parent) ||
    ts.isParameter(parent) ||
    ts.isNamedTupleMember(parent) ||
    ts.isBindingElement(parent);
  return isMember && parent.name === identifier;
}

const printer = ts.createPrinter({ removeComments: true });

function print({ nodes }: Declared): string {
  return nodes
    .map((node) => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile()))
    .join("\n")
    .replace(/^export (?:default )?/gm, "")
    .replace(/^declare /gm, "")
    .replace(/^\s*(?:#private;|private [^;]*;)\n/gm, "")
    .replace(/^( {4})+/gm, (indent) => indent.replaceAll("    ", "  "));
}

/** What the entries export, by entry, and everything that these declarations rest on, by file and name. */
interface Surface {
  readonly exported: ReadonlyMap<string, ReadonlyMap<string, Declared>>;
  readonly reached: ReadonlyMap<string, Declared>;
}

let known: Surface | null = null;

function surface(): Surface {
  known ??= readSurface();
  return known;
}

function readSurface(): Surface {
  const { entry } = tsup as { readonly entry: Readonly<Record<string, string>> };
  const entries = Object.entries(entry).filter(([name]) => name !== "cli");
  const declarations = new Declarations(entries.map(([, path]) => join(ROOT, path)));
  const reached = new Map<string, Declared>();
  const reach = (declared: Declared): void => {
    if (reached.has(idOf(declared))) return;
    reached.set(idOf(declared), declared);
    for (const next of named(declarations, declared)) reach(next);
  };
  const exported = new Map(
    entries.map(([name, path]) => {
      const names = declarations.exports(join(ROOT, path));
      for (const declared of names.values()) reach(declared);
      return [name === "index" ? "quorate" : `quorate/${name}`, names];
    }),
  );
  return { exported, reached };
}

function isType(node: ts.Statement): boolean {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node);
}

function idOf({ path, name }: Declared): string {
  return `${relative(ROOT, path)} ${name}`;
}

/** The declarations that public signatures rest on and that no entry exports: nobody could write their type down. */
export function unexported(): string[] {
  const { exported, reached } = surface();
  const importable = new Set([...exported.values()].flatMap((names) => [...names.values()].map(idOf)));
  return [...reached]
    .filter(([id, { nodes }]) => !importable.has(id) && nodes.some(isType))
    .map(([id]) => id)
    .sort();
}

/** The whole report, as it ought to lie in `docs/api.txt`. */
export function apiReport(): string {
  const { exported, reached } = surface();
  const lists = [...exported].map(([title, names]) => {
    return `${title}\n${[...names.keys()]
      .sort()
      .map((each) => `  ${each}\n`)
      .join("")}`;
  });
  const texts = [...reached]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([id, declared]) => {
      return `// ${id.split(" ")[0]}\n${print(declared)}\n`;
    });
  const head =
    "What the package exports, and the declarations that this rests on. Written by scripts/api-report.ts.\n";
  return [head, ...lists, ...texts].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(REPORT, apiReport());
