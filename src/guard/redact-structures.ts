import { isSecretName } from "./secret-names.ts";
import { MARK } from "./sensitive.ts";

/** Attributes of a tag that say what its value is, and those that may be it. */
const NAMING =
  /\b(?:name|key|id|type|for|label|field|property|param|variable|autocomplete|placeholder|k|itemprop)\s{0,4}=\s{0,4}["']?([^"'<>\s=]{1,64})/gi;
const VALUE = /(\b(?:value|val|content|default|data-value|v|text|secret)\s{0,4}=\s{0,4})("[^"]*"|'[^']*'|[^\s"'<>]+)/gi;
/** No two of them overlap, so looking for them takes one pass. */
const TAG = /<([\p{L}_][^<>]{0,2000})>([^<]{0,4000})/gu;

/** Removes what tags of XML and HTML hold that are about secrets by one of their attributes, or by their name. */
export function redactTags(text: string): string {
  if (!text.includes("<")) return text;
  return text.replace(TAG, (whole, tag: string, inside: string) => {
    const speaks = [...tag.matchAll(NAMING)].some(([, name = ""]) => isSecretName(name));
    const [name = ""] = /^[^\s/]+/.exec(tag) ?? [];
    const isSecret = speaks || isSecretName(name.replace(/^[\w-]+:/, ""));
    if (!isSecret) return whole;
    const attributes = speaks ? tag.replace(VALUE, (_, before: string) => `${before}"${MARK}"`) : tag;
    const isEmpty = tag.endsWith("/") || inside.trim() === "";
    return `<${attributes}>${isEmpty ? inside : MARK}`;
  });
}

const BORDER = /^[\s|:+=-]+$/;
const MOST_ROWS = 2_000;

/** Removes the columns of tables (with tabs, bars, commas or semicolons) whose heads are names of secrets. */
export function redactTables(text: string): string {
  if (!text.includes("\n")) return text;
  const lines = text.split("\n");
  if (lines.length > MOST_ROWS) return text;
  let columns: number[] = [];
  let separator = "";
  let width = 0;
  for (const [at, line] of lines.entries()) {
    const cells = separator === "" ? [] : line.split(separator);
    if (separator !== "" && cells.length >= width && width > 1) {
      if (!BORDER.test(line))
        lines[at] = cells.map((cell, column) => hiddenCell(cell, columns.includes(column))).join(separator);
      continue;
    }
    if (separator !== "" && BORDER.test(line)) continue;
    separator = "";
    const found = headOf(line);
    if (found) ({ separator, columns, width } = found);
  }
  return lines.join("\n");
}

function headOf(
  line: string,
): { readonly separator: string; readonly columns: number[]; readonly width: number } | undefined {
  for (const separator of ["\t", "|", ",", ";"]) {
    if (!line.includes(separator) || line.length > 1_000) continue;
    const cells = line.split(separator);
    const isHead = cells.every(cell => /^[\s\p{L}\p{M}\w"'`().*#-]{0,40}$/u.test(cell));
    if (!isHead) continue;
    const columns = cells.flatMap((cell, column) => (isSecretName(cell.replace(/["'`*]/g, "").trim()) ? [column] : []));
    if (columns.length > 0) return { separator, columns, width: cells.length };
  }
  return undefined;
}

const hiddenCell = (cell: string, isSecret: boolean): string =>
  isSecret && cell.trim() !== "" ? cell.replace(/\S(?:[\s\S]*\S)?/, MARK) : cell;

/** Options of one letter, or of one general word, with what follows them: numbers, paths and plain words stay. */
const LETTER =
  /((?:^|[\s"'[(,])(?:-[kpPu]|--?(?:key|pass|pat|auth|pw))["']?(?:\s{1,4}|=|,\s{0,4})["']?)([^\s"',;|&<>()[\]]+)/g;
const HARMLESS = /^(?:[\d:.,/-]+|[~./\\$-].*|[a-z]+(?:[-_][a-z]+)*|\[\w+\]|true|false)$/;

/** Removes what follows `-p`, `-k`, `--key` and the like. */
export const redactLetters = (text: string): string =>
  text.includes("-")
    ? text.replace(LETTER, (whole, before: string, value: string) => (HARMLESS.test(value) ? whole : before + MARK))
    : text;
