const BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/;
const HIDDEN = "[redacted]";
/** No key is longer, so what seems to end later is two lines that speak of keys. */
const MAX_KEY_LINES = 400;
/** A line of Base64, whatever a logger has put before it, or a header of the key. */
const BODY = /^[\w+/=.-]*$|[A-Za-z0-9+/]{40,}={0,2}$|^(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): /;

/**
 * Hides private keys that stand on several lines, of which none looks like a secret by itself; also one whose beginning
 * has been forgotten, or whose end has not come.
 */
export function hideKeys(lines: readonly string[]): readonly string[] {
  if (!lines.some(line => BEGIN.test(line) || END.test(line))) return lines;
  const shown: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const begin = BEGIN.exec(line);
    const end = END.exec(line);
    if (begin) {
      const last = lastLineOf(lines, at, begin.index);
      shown.push(`${line.slice(0, begin.index)}${HIDDEN}${afterEnd(lines[last] ?? "")}`);
      at = last;
    } else if (end) {
      while (shown.length > 0 && BODY.test(shown.at(-1) ?? "")) shown.pop();
      shown.push(`${HIDDEN}${afterEnd(line)}`);
    } else shown.push(line);
  }
  return shown;
}

/** Where the key ends that begins in this line: with its own end, or before the first line that is no part of it. */
function lastLineOf(lines: readonly string[], first: number, column: number): number {
  const limit = Math.min(lines.length, first + MAX_KEY_LINES);
  for (let at = first; at < limit; at++) {
    const line = lines[at] ?? "";
    if (END.test(at === first ? line.slice(column) : line)) return at;
    if (at > first && BEGIN.test(line)) break;
  }
  let last = first;
  while (last + 1 < limit && BODY.test(lines[last + 1] ?? "")) last++;
  return last;
}

function afterEnd(line: string): string {
  const end = END.exec(line);
  return end ? line.slice(end.index + end[0].length) : "";
}
