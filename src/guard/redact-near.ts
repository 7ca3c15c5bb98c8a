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
  const names = [...text.matchAll(NAME_IN_TEXT)];
  if (names.length === 0) return text;
  const rest = withoutQuoted(text, names);
  return withoutNear(rest, rest === text ? names : rest.matchAll(NAME_IN_TEXT));
}

/** What is quoted next behind the name, whatever is between them in the same statement. */
function withoutQuoted(text: string, names: Iterable<RegExpExecArray>): string {
  let out = "";
  let from = 0;
  let skipTo = 0;
  for (const match of names) {
    if (match.index < skipTo) continue;
    const name = wordAround(text, { start: match.index, end: match.index + match[0].length }, skipTo);
    skipTo = name.end;
    if (!isSecretName(text.slice(name.start, name.end))) continue;
    QUOTED_NEXT.lastIndex = name.end;
    const found = QUOTED_NEXT.exec(text);
    const quoted = found?.[3] ?? "";
    if (!found || quoted.includes(MARK) || found[1]?.includes(MARK) || isSecretName(quoted) || ADDRESS.test(quoted))
      continue;
    const start = name.end + (found[1] ?? "").length + (found[2] ?? "").length;
    out += text.slice(from, start) + MARK;
    from = start + quoted.length;
    skipTo = from;
  }
  return out + text.slice(from);
}

/** The quote that ends the name itself does not count. */
const QUOTED_NEXT =
  /((?:[\w\])-]{0,16}\\*["'`])?[^"'`\n;{}\\]{1,40}?)(\\*["'`])([^\s"'`\\)(\],:;][^\s"'`\\]{4,128})\2/y;

function withoutNear(text: string, names: Iterable<RegExpExecArray>): string {
  let out = "";
  let from = 0;
  let skipTo = 0;
  for (const match of names) {
    if (match.index < skipTo) continue;
    const name = wordAround(text, { start: match.index, end: match.index + match[0].length }, skipTo);
    skipTo = name.end;
    if (!isSecretName(text.slice(name.start, name.end)) && !isSecretName(match[0])) continue;
    const window = text.slice(name.end, name.end + REACH);
    const mayBeWord = !NO_PASSWORD.test(match[0]);
    let before = "";
    let count = 0;
    for (const { 0: whole, index: at } of window.matchAll(WORD)) {
      const glued = GLUED_COPULA.exec(whole)?.[0] ?? "";
      if (glued !== "") before = glued;
      const word = whole.slice(glued.length);
      const index = at + glued.length;
      if (++count > WORDS_BETWEEN || word.includes(MARK) || MARK.includes(word)) break;
      const isSaid =
        mayBeWord &&
        (COPULA.test(before) || (before.endsWith(":") && isSecretName(`${match[0]} ${before.slice(0, -1)}`))) &&
        endsAt(window, index + word.length) &&
        isNoPredicate(word);
      before = word;
      if (!isOdd(word) && !isSaid) continue;
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

/** Of a token or a key one says that it is something; what a password is, is a word. */
const NO_PASSWORD =
  /token|key|secret|cookie|auth|session|bearer|jwt|(?<!zugangs|freischalt|pass)code|credential|number/i;
const COPULA =
  /^(?:là|는|은|가|이|は|が|を|是|为|為|is|was|are|es|é|è|est|ist|war|lautet|heißt|jest|är|er|on|este|je|is:|это|—|–|->|→|=>?|:=?)$/iu;
/** Where words are not set apart. */
const GLUED_COPULA = /^(?:는|은|は|が|是|为|為)(?=[\x21-\x7e])/u;
/** Where nothing follows in the same sentence. */
const endsAt = (text: string, at: number): boolean =>
  /^["'`”»)\]]*\s{0,2}(?:[.,;!?)\]}<\n"'`”»|]|$|(?:입니다|です|이다|だ)(?!\p{L}))/u.test(text.slice(at));
const PREDICATE_ENDS = /(?:ed|ing|ly|ble|ive|less|ful|ous|id|ent|ory|ant|al|ary|ic|en|own|ate)[.:!?…]*$/i;
const PREDICATES =
  /^(?:wrong|missing|empty|weak|short|strong|unset|blank|correct|incorrect|secure|insecure|unsafe|reset|default|unique|absent|below|above|shorter|longer|stronger|weaker|unknown|necessary|mandatory|confidential|falsch|leer|ungültig|erforderlich|incorrecta|inválida|obligatoria|incorrecto|incorrect[eo]?|invalide|requis|obligatoire|errata|vuota|password|passwords|plaintext|cleartext|encoded|somewhere|elsewhere|nothing|required)[.:!?…]*$/i;

const isNoPredicate = (word: string): boolean =>
  /^[\p{L}\p{M}\p{N}_@#$%&*!.-]{6,64}$/u.test(word) &&
  !PREDICATE_ENDS.test(word) &&
  !PREDICATES.test(word) &&
  !ADDRESS.test(word);

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
