import ts from "typescript";
import { isTest, type Sources } from "./rooms.ts";

/** Of code, from the first of its signature to its last: neither blank lines nor those that hold only a comment. */
export const MAX_FUNCTION_LINES = 80;
const CODE = /^(src|scripts|bench|fuzz)\/.*\.(ts|js|mjs|cjs)$/;

export interface Function {
  readonly path: string;
  /** Its own, or that of what it is given to. */
  readonly name: string;
  readonly line: number;
  readonly lines: number;
}

/** Every function of what is shipped, and of the tools; one within another counts for itself and for the outer one. */
export function functionsIn(sources: Sources): Function[] {
  return [...sources].flatMap(([path, text]) => (CODE.test(path) && !isTest(path) ? functionsOf(path, text) : []));
}

function functionsOf(path: string, text: string): Function[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
  const code = linesOfCode(source);
  const found: Function[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const [line, last] = [lineAt(node.getStart(source)), lineAt(node.end)];
      const lines = code.filter(one => one >= line && one <= last).length;
      found.push({ path, name: nameOf(node), line, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The lines on which a token begins, ends or goes on, in order. */
function linesOfCode(source: ts.SourceFile): readonly number[] {
  const lines = new Set<number>();
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(source);
    if (children.length === 0 && node.end > node.getStart(source)) {
      const first = source.getLineAndCharacterOfPosition(node.getStart(source)).line;
      const last = source.getLineAndCharacterOfPosition(node.end).line;
      for (let line = first; line <= last; line++) lines.add(line + 1);
    }
    for (const child of children) if (!ts.isJSDoc(child)) visit(child);
  };
  visit(source);
  return [...lines].sort((a, b) => a - b);
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.kind === ts.SyntaxKind.Constructor) return "constructor";
  const holder = node.name ? node : node.parent;
  const { name } = holder as { name?: ts.Node };
  return name && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name)) ? name.text : "a function without a name";
}

/**
 * Complaints about functions that are too long to be read at once, the longest first; but for those that `stillLong` names
 * as `path name`, and about those that it names although they are not.
 */
export function longFunctions(sources: Sources, stillLong: readonly string[] = []): string[] {
  const long = functionsIn(sources)
    .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .sort((a, b) => b.lines - a.lines);
  const keys = new Set(long.map(keyOf));
  return [
    ...long
      .filter(one => !stillLong.includes(keyOf(one)))
      .map(one => `${keyOf(one)} has ${one.lines} lines of code, ${MAX_FUNCTION_LINES} is the limit`),
    ...stillLong.filter(key => !keys.has(key)).map(key => `${key} is short enough, or gone: strike it off the list`),
  ];
}

const keyOf = ({ path, name }: Function): string => `${path} ${name}`;
