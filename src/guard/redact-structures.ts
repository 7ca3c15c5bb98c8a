import { isSecretName, mayName } from "./secret-names.ts";
import { MARK } from "./sensitive.ts";

/** Attributes of a tag that say what its value is, and those that may be it. */
const NAMING =
  /\b(?:name|key|id|type|for|label|field|property|param|variable|autocomplete|placeholder|k|itemprop)\s{0,4}=\s{0,4}["']?([^"'<>\s=]{1,64})/gi;
const VALUE = /(\b(?:value|val|content|default|data-value|v|text|secret)\s{0,4}=\s{0,4})("[^"]*"|'[^']*'|[^\s"'<>]+)/gi;
/** No two of them overlap, so looking for them takes one pass. */
const TAG = /<([\p{L}_][^<>]{0,2000})>((?:<!\[CDATA\[)?[^<]{0,4000})/gu;

/** Removes what tags of XML and HTML hold that are about secrets by one of their attributes, or by their name. */
export function redactTags(text: string): string {
  if (!text.includes("<")) return text;
  return withoutInner(text).replace(TAG, (whole, tag: string, inside: string) => {
    const speaks = [...tag.matchAll(NAMING)].some(([, name = ""]) => isSecretName(name));
    const [name = ""] = /^[^\s/]+/.exec(tag) ?? [];
    const isSecret = speaks || isSecretName(name.replace(/^[\w-]+:/, ""));
    if (!isSecret) return whole;
    const attributes = speaks ? tag.replace(VALUE, (_, before: string) => `${before}"${MARK}"`) : tag;
    const isEmpty = tag.endsWith("/") || inside.trim() === "";
    return `<${attributes}>${isEmpty ? inside : MARK}`;
  });
}

/** `<name>password</name><value>…`, `<label>PIN</label><input value="…">`, and what a tag of such a name holds in others. */
const NAME_THEN =
  /(>\s{0,8}([\p{L}\w .:*-]{2,64})\s{0,8}<\/[\w:-]{1,32}>\s{0,32}(?:<[\w:-]{1,32}[^<>]{0,256}[^<>/]>\s{0,32}|<[\w:-]{1,32}>\s{0,32}){1,3})([^<]{1,1024})/gu;
const NAME_THEN_FIELD =
  /(>\s{0,8}([\p{L}\w .:*-]{2,64})\s{0,8}<\/[\w:-]{1,32}>\s{0,32}<[^<>]{0,256}?\bvalue\s{0,4}=\s{0,4})("[^"<]{0,1024}"|'[^'<]{0,1024}'|[^\s"'<>]{1,1024})/gu;
const HOLDING =
  /<((?:[\w-]{1,32}:)?[\w-]{0,32}(?:credential|secret|passwo?r?d)[\w-]{0,32})(?:\s[^<>]{0,256})?>((?:<[^<>]{1,256}>[^<]{0,256}){1,32}?)<\/\1>/gi;

function withoutInner(text: string): string {
  const named = (whole: string, before: string, name: string): string =>
    isSecretName(name.replace(/[\s:*]+$/, "")) ? before + MARK : whole;
  return text
    .replace(HOLDING, (whole, _tag: string, inner: string) =>
      whole.replace(inner, inner.replace(/>[^<]+</g, `>${MARK}<`)),
    )
    .replace(NAME_THEN, named)
    .replace(NAME_THEN_FIELD, named);
}

/** `INSERT INTO t (name, password) VALUES ('bob', '…')`. */
const INSERT = /(\(([^()]{1,1000})\)\s{0,8}values?\s{0,8}\()([^()]{1,4000})/gi;

/** Removes the values of columns with such names from statements of SQL. */
export const redactStatements = (text: string): string =>
  text.replace(INSERT, (whole, before: string, columns: string, values: string) => {
    const secret = columns.split(",").map(column => isSecretName(column.replace(/["'`[\]]/g, "").trim()));
    if (!secret.includes(true)) return whole;
    return (
      before +
      values
        .split(",")
        .map((value, at) => (secret[at] ? ` '${MARK}'` : value))
        .join(",")
    );
  });

const BORDER = /^[\s|:+=-]+$/;
const MOST_ROWS = 2_000;

/** Removes the columns of tables (with tabs, bars, commas or semicolons) whose heads are names of secrets. */
export function redactTables(text: string): string {
  if (!/[|\t,;]/.test(text)) return text;
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
    const next = lines[at + 1] ?? "";
    if (!found || (!next.includes(found.separator) && !BORDER.test(next))) lines[at] = withoutNamedCells(line);
    else ({ separator, columns, width } = found);
  }
  return lines.join("\n");
}

function headOf(
  line: string,
): { readonly separator: string; readonly columns: number[]; readonly width: number } | undefined {
  if (!mayName(line)) return undefined;
  for (const separator of ["\t", "|", ",", ";"]) {
    if (!line.includes(separator) || line.length > 1_000) continue;
    const cells = line.split(separator);
    const isHead = cells.every(cell => /^[\s\p{L}\p{M}\w"'`().*:#-]{0,40}$/u.test(cell));
    if (!isHead) continue;
    const columns = cells.flatMap((cell, column) =>
      isSecretName(cell.replace(/["'`*]|^[^:]*:\s/g, "").trim()) ? [column] : [],
    );
    if (columns.length > 0) return { separator, columns, width: cells.length };
  }
  return undefined;
}

/** A row of a name and its value. */
function withoutNamedCells(line: string): string {
  if (line.length > 4_000 || !mayName(line)) return line;
  for (const separator of ["|", "\t", ","]) {
    if (!line.includes(separator)) continue;
    const cells = line.split(separator);
    if (separator === "," && (cells.length !== 2 || !/^["']?[\w.-]{1,64}["']?$/.test(cells[0] ?? ""))) continue;
    const names = cells.map(cell => cell.length < 64 && isSecretName(cell.replace(/["'`*]/g, "").trim()));
    if (names.includes(true))
      return cells.map((cell, at) => hiddenCell(cell, names[at - 1] === true && !names[at])).join(separator);
  }
  return line;
}

const hiddenCell = (cell: string, isSecret: boolean): string =>
  isSecret && cell.trim() !== "" ? cell.replace(/\S(?:[\s\S]*\S)?/, MARK) : cell;

/** `name: DB_PASSWORD` and, in the same line or the next, `value: …`. */
const NAMED =
  /(\b(?:name|key|variable|var|env|header|field|setting|option|parameter|param|id)["']?\s{0,3}[:=]\s{0,3}["']?)([\p{L}\w. -]{2,64})(["']?\s{0,3}[,;]?\s{0,3}\n?[\s-]{0,32}["']?(?:value|val|default|data|content|contents|text|secret)["']?\s{0,3}[:=]\s{0,3})("[^"\n]{1,512}"|'[^'\n]{1,512}'|[^\s"',;}&]{1,512})/giu;

/** A part of a form, and what commands and files take as name and value with nothing but a blank between them. */
const PART =
  /(\bname=["']?)([\w.-]{2,64})(["']?[^\r\n]{0,128}\r?\n(?:[\w-]{1,64}:[^\r\n]{0,256}\r?\n){0,4}\r?\n)([^\r\n]{1,4096})/gi;
const SETTING =
  /(\b(?:setx|setenv|ENV|ARG|(?:configure|config)\s{1,3}(?:--\w{1,16}\s{1,3})?(?:set\s{1,3})?(?:--\w{1,16}\s{1,3})?)\s{0,3})([\w.-]{2,64})(\s{1,4})("[^"\n]{1,512}"|'[^'\n]{1,512}'|[^\s"']{1,512})/g;

/** Removes the value that stands by itself behind what names it. */
export const redactNamed = (text: string): string =>
  [NAMED, PART, SETTING].reduce(
    (rest, pattern) =>
      rest.replace(pattern, (whole, before: string, name: string, between: string) =>
        isSecretName(name.trim()) ? `${before}${name}${between}${MARK}` : whole,
      ),
    text,
  );

/** Options of one letter, or of one general word, with what follows them: numbers, paths and plain words stay. */
const LETTER =
  /((?:^|[\s"'[(,])(?:-[kpPu]|--?(?:key|pass|pat|auth|pw))["']?(?:\s{1,4}|=|,\s{0,4})["']?)([^\s"',;|&<>()[\]]+)/g;
const HARMLESS = /^(?:[\d:.,/-]+|[~./\\$-].*|[a-z]+(?:[-_][a-z]+)*|\[\w+\]|true|false)$/;

/** Removes what follows `-p`, `-k`, `--key` and the like. */
export const redactLetters = (text: string): string =>
  text.includes("-")
    ? text.replace(LETTER, (whole, before: string, value: string) => (HARMLESS.test(value) ? whole : before + MARK))
    : text;
