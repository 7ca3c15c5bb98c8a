import { RE2JS } from "re2js";
import { valueAfter, wordAround } from "./redact-pairs.ts";
import { BUILT_IN_PATTERNS, MARK } from "./sensitive.ts";

/** The patterns of the configuration, beyond what the built-in rules do anyway. */
export interface Patterns {
  /** Literals of which one occurs wherever a pattern can match; `undefined` when that cannot be told. */
  readonly literals: readonly string[] | undefined;
  matches(text: string): boolean;
  /** Removes every match, and the value that belongs to it where a separator follows. */
  redact(text: string): string;
}

/** A pattern that finds more than this in one text has made its point: the rest of the text goes too. */
const MAX_MATCHES = 100;

/** Compiles with a linear-time engine, case-insensitively. Throws `RE2JSSyntaxException` for what is not RE2 syntax. */
export function compilePatterns(sources: readonly string[]): Patterns {
  const own = sources.filter(source => source !== "" && !BUILT_IN_PATTERNS.has(source.toLowerCase()));
  const compiled = own.map(source => RE2JS.compile(source, RE2JS.CASE_INSENSITIVE));
  const literals = own.map(requiredLiteral);
  return {
    literals: literals.every(literal => literal !== undefined) ? literals : undefined,
    matches: text => compiled.some(pattern => pattern.test(text)),
    redact: text => compiled.reduce(redactOne, text),
  };
}

function redactOne(text: string, pattern: RE2JS): string {
  if (!pattern.test(text)) return text;
  const matcher = pattern.matcher(text);
  let out = "";
  let from = 0;
  for (let count = 0; matcher.find(); count++) {
    if (count >= MAX_MATCHES) return out + MARK;
    const start = Math.max(from, matcher.start());
    const end = matcher.end();
    if (end <= start) continue;
    const word = wordAround(text, { start, end }, start);
    out += text.slice(from, start) + MARK;
    from = valueAfter(text, word)?.end ?? end;
  }
  return out + text.slice(from);
}

const ATOM = /\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}|\\.|[\s\S]/g;
/** Alternatives and groups need not occur; escapes beyond these may stand for any text. */
const NOT_SIMPLE = /[|()]|\\[^dwsbDWSB\W]/;
/** Any part of a required literal is required too, and short ones keep the automaton small. */
const LITERAL_LENGTH = 6;

/** A run of plain characters that every match of a simple pattern contains. */
export function requiredLiteral(source: string): string | undefined {
  if (NOT_SIMPLE.test(source)) return undefined;
  let longest = "";
  let run = "";
  for (const [atom] of source.matchAll(ATOM)) {
    if (/^[\w-]$/.test(atom)) {
      run += atom.toLowerCase();
      continue;
    }
    // What a quantifier other than `+` stands behind may be absent.
    if (/^[?*{]/.test(atom)) run = run.slice(0, -1);
    if (run.length > longest.length) longest = run;
    run = "";
  }
  if (run.length > longest.length) longest = run;
  return longest.length > 1 ? longest.slice(0, LITERAL_LENGTH) : undefined;
}
