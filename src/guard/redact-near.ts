import { wordAround } from "./redact-pairs.ts";
import { isSecretName, NAME_IN_TEXT } from "./secret-names.ts";
import { MARK } from "./sensitive.ts";

/** How far behind a name its value may stand, and behind how many other words. */
const REACH = 80;
const WORDS_BETWEEN = 4;
const WORD = /[^\s"'`<>()[\]{},;|=，。；：“”«»]+/g;

/**
 * Removes what stands close behind the name of a secret and is no plain word, whatever is between them: a table of HTML, a
 * sentence, a shell. What the other rules have found is gone already.
 */
export function redactNear(text: string): string {
  let out = "";
  let from = 0;
  let skipTo = 0;
  for (const match of text.matchAll(NAME_IN_TEXT)) {
    if (match.index < skipTo) continue;
    const name = wordAround(text, { start: match.index, end: match.index + match[0].length }, skipTo);
    skipTo = name.end;
    if (!isSecretName(text.slice(name.start, name.end)) && !isSecretName(match[0])) continue;
    const window = text.slice(name.end, name.end + REACH);
    let count = 0;
    for (const { 0: word, index } of window.matchAll(WORD)) {
      if (++count > WORDS_BETWEEN || word.includes(MARK) || MARK.includes(word)) break;
      if (!isOdd(word)) continue;
      const start = name.end + index;
      const rest =
        /^[^\s"'`<>()[\]{},;|]*/.exec(text.slice(start + word.length, start + word.length + 4_096))?.[0] ?? "";
      out += text.slice(from, start) + MARK;
      from = start + word.length + rest.length;
      skipTo = from;
      break;
    }
  }
  return out + text.slice(from);
}

const ADDRESS = /:\/\/|^[~./\\$]|^\w+\.\w{2,4}$/;
const VERSION = /^[v@^~]?\d+(?:\.\d+)+|^\d{4}-\d\d-\d\d|^\d+(?:ms|s|m|h|d|px|%|k|kb|mb|gb|th|st|nd|rd)$/i;
const TERM =
  /^(?:base\d\d|utf-?\d+|sha-?\d+|oauth\d?|md5|x509|[rehp]s\d{3}|ed25519|aes-?\d+\S*|s3|ec2|k8s|i18n|gpt-\S+|claude-\S+|u?int\d+|float\d+|2fa|u2f|fido2|\w{1,3}\d)$/i;
const LEAST = 5;

/** Of letters and digits together, or with a sign that no word has. */
function isOdd(word: string): boolean {
  const bare = word.replace(/^[^\p{L}\p{N}]+|[.:!?*…]+$/gu, "");
  if (bare.length < LEAST || ADDRESS.test(word) || VERSION.test(bare) || TERM.test(bare)) return false;
  return /\p{L}/u.test(bare) && (/\d/.test(bare) || (bare.length >= 8 && /[!@#$%^&*+]/.test(bare)));
}
