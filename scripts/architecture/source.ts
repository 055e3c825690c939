import { posix } from "node:path";
import ts from "typescript";

/** One file of `src/`, reduced to what the rules ask about. */
export interface Source {
  /** Relative to `src/`, with `/` between parts. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** Global names and keywords that the code uses; comments, strings and names of properties do not count. */
  readonly words: readonly Word[];
}

export interface Import extends Place {
  /** As written. */
  readonly specifier: string;
  /** The path in `src/` that a relative specifier means, or null for everything else. */
  readonly target: string | null;
  /** Whether nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
}

export interface Word extends Place {
  readonly word: string;
}

export interface Place {
  readonly line: number;
  /** The line as it stands, trimmed. */
  readonly text: string;
}

export function readSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const lines = text.split("\n");
  const imports: Import[] = [];
  const words: Word[] = [];

  const placeOf = (node: ts.Node): Place => {
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    return { line: line + 1, text: lines[line]!.trim() };
  };
  const visit = (node: ts.Node): void => {
    const found = importIn(node);
    if (found !== null) imports.push({ ...found, target: resolve(path, found.specifier), ...placeOf(node) });
    const word = wordIn(node);
    if (word !== null) words.push({ word, ...placeOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, imports, words };
}

function resolve(from: string, specifier: string): string | null {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : null;
}

function importIn(node: ts.Node): Pick<Import, "specifier" | "isTypeOnly"> | null {
  // `import { type A }` keeps the import at run time; only `import type` removes it.
  if (ts.isImportDeclaration(node)) {
    return literal(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
  }
  if (ts.isExportDeclaration(node)) return literal(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return literal(node.argument.literal, true);
  }
  if (ts.isCallExpression(node)) {
    const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const isRequire = ts.isIdentifier(node.expression) && node.expression.text === "require";
    if (isImport || isRequire) return literal(node.arguments[0], false);
  }
  return null;
}

function literal(node: ts.Node | undefined, isTypeOnly: boolean) {
  return node !== undefined && ts.isStringLiteralLike(node) ? { specifier: node.text, isTypeOnly } : null;
}

function wordIn(node: ts.Node): string | null {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "async";
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return "await";
  if (!ts.isIdentifier(node) || isNameOfMember(node)) return null;
  const { parent } = node;
  if (node.text === "Math" && ts.isPropertyAccessExpression(parent)) return `Math.${parent.name.text}`;
  return node.text;
}

/** Whether the identifier only says which property is meant: `this.process`, `{ process: 1 }`, `process(): void`. */
function isNameOfMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  const isMember =
    ts.isPropertyAssignment(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isGetAccessor(parent) ||
    ts.isSetAccessor(parent);
  return isMember && parent.name === node;
}
