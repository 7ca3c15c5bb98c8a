import ts from "typescript";

/** One module that a source text asks for, however it does so. */
export interface Import {
  /** `undefined` when it is computed, so that nobody can tell what is imported. */
  readonly specifier: string | undefined;
  /** Gone when the types are. */
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Every import of a source text: static, bare, re-exported, type-only, dynamic, `import("x").T` and `require`. */
export function importsOf(text: string): Import[] {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const asked = askedBy(node);
    if (asked !== "nothing") {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      const specifier = asked && ts.isStringLiteralLike(asked) ? asked.text : undefined;
      found.push({ specifier, typeOnly: isTypeOnly(node), line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function askedBy(node: ts.Node): ts.Node | undefined | "nothing" {
  if (ts.isImportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExportDeclaration(node)) return node.moduleSpecifier ?? "nothing";
  if (ts.isImportEqualsDeclaration(node)) {
    return ts.isExternalModuleReference(node.moduleReference) ? node.moduleReference.expression : "nothing";
  }
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  if (ts.isCallExpression(node) && isLoader(node.expression)) return node.arguments[0];
  return "nothing";
}

const isTypeOnly = (node: ts.Node): boolean =>
  ts.isImportTypeNode(node) ||
  (ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) ||
  (ts.isExportDeclaration(node) && node.isTypeOnly);

const isLoader = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === "require");

/** What reaches for the world instead of taking it as a parameter. */
const AMBIENT_MEMBERS = new Set(["Date.now", "Math.random", "performance.now", "AbortSignal.timeout"]);
const AMBIENT_OBJECTS = new Set(["console", "process", "globalThis"]);
const AMBIENT_CALLS = new Set(["setTimeout", "setInterval", "setImmediate", "fetch"]);

/** Uses of the clock, of randomness, of timers, of the process and of the console, each with its line. */
export function ambientUses(text: string): { readonly what: string; readonly line: number }[] {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest);
  const found: { what: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const what = ambient(node);
    if (what) found.push({ what, line: source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function ambient(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const name = `${node.expression.text}.${node.name.text}`;
    return AMBIENT_OBJECTS.has(node.expression.text) || AMBIENT_MEMBERS.has(name) ? name : undefined;
  }
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
    return node.expression.text === "Date" && !node.arguments?.length ? "new Date()" : undefined;
  }
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
    return AMBIENT_CALLS.has(node.expression.text) ? node.expression.text : undefined;
  }
  return undefined;
}
