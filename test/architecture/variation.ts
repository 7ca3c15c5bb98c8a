import ts from "typescript";
import { isTest, type Sources } from "./rooms.ts";

/** What there are several of, each with a table of its own; nobody else asks which one it is. */
const VARIANTS = new Set(["stdio", "http", "sse", "legacy", "modern"]);
const REVISION = /^20\d\d-\d\d-\d\d$/;
/** Knows the order of revisions, and tells what changed with which. */
const TABLE_OF_REVISIONS = "src/wire/versions.ts";

const COMPARISONS = new Set([
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

/** Complaints about branches on a transport, an era or a revision: what they lead to belongs into its table. */
export function branchesOnVariants(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    if (!path.startsWith("src/") || isTest(path) || path === TABLE_OF_REVISIONS) return [];
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      const literal = comparedWith(node).find(one => VARIANTS.has(one) || REVISION.test(one));
      if (literal !== undefined) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        found.push(`${path}:${line + 1} branches on "${literal}": give its table a field`);
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
    return found;
  });
}

/** The literals that a node compares something with. */
function comparedWith(node: ts.Node): string[] {
  if (ts.isCaseClause(node)) return literals(node.expression);
  if (!ts.isBinaryExpression(node) || !COMPARISONS.has(node.operatorToken.kind)) return [];
  return [...literals(node.left), ...literals(node.right)];
}

const literals = (node: ts.Expression): string[] => (ts.isStringLiteralLike(node) ? [node.text] : []);
