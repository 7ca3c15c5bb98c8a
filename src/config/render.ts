/** Problems as frames for a terminal: what, where with the line, what to do. */
import type { Problem } from "./problem.ts";

const MAX_WIDTH = 120;
/** Control characters, invisible marks, line separators, lone surrogates, and what is drawn as nothing. */
const UNSHOWABLE = /(?![\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Text from outside, made harmless for a terminal: what is invisible or steers the terminal is shown as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(UNSHOWABLE, character => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

const showLine = (text: string): string => printable(text.replace(/\t/g, "  "));

const STYLES = { error: "31;1", warning: "33;1", gutter: "34;1", strong: "1", help: "36" } as const;
type Paint = (style: keyof typeof STYLES, text: string) => string;

/** One problem, several lines, no newline at the end. */
export function renderProblem(problem: Problem, { color }: { color: boolean }): string {
  const paint: Paint = (style, text) => (color ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text);
  const number = String(problem.line);
  const margin = " ".repeat(problem.line > 0 ? number.length : 1);
  const bar = paint("gutter", `${margin} |`);
  const where = problem.line > 0 ? `:${problem.line}:${problem.column}` : "";
  const frame = problem.line > 0 ? excerpt(problem.sourceLine, problem.column) : undefined;
  return [
    `${paint(problem.level, `${problem.level}[${problem.code}]`)}${paint("strong", `: ${printable(problem.message)}`)}`,
    `${margin}${paint("gutter", "-->")} ${printable(problem.file)}${where}`,
    ...(frame === undefined
      ? []
      : [
          bar,
          `${paint("gutter", `${number} |`)} ${frame.line}`,
          `${bar} ${frame.indent}${paint(problem.level, frame.carets)}`,
        ]),
    `${margin} ${paint("gutter", "=")} ${paint("help", "help")}: ${printable(problem.help)}`,
  ].join("\n");
}

/** The source line, cut to the neighbourhood of the column, and what goes below it. */
function excerpt(source: string, column: number): { line: string; indent: string; carets: string } {
  const at = Math.min(column - 1, source.length);
  const from = at > MAX_WIDTH / 2 && source.length > MAX_WIDTH ? at - MAX_WIDTH / 2 : 0;
  const to = Math.min(source.length, from + MAX_WIDTH);
  const token =
    /^(?:\[\[[^\]]*\]\]|\[[^\]]*\]|"[^"]*"|'[^']*'|\$\{[^}]*\}|[^\s=,\]}]+)/.exec(source.slice(at, to))?.[0] ?? "";
  const before = (from > 0 ? "…" : "") + showLine(source.slice(from, at));
  const after = showLine(source.slice(at, to)) + (to < source.length ? "…" : "");
  return {
    line: before + after,
    indent: " ".repeat(before.length),
    carets: "^".repeat(Math.max(1, showLine(token).length)),
  };
}
