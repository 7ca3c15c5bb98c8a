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
  const rest = without(text, names, quotedBehind);
  return without(rest, rest === text ? names : rest.matchAll(NAME_IN_TEXT), valueNear);
}

/** The name of a secret, or what only begins like one, and where it stands. */
interface Name {
  readonly found: string;
  readonly whole: string;
  readonly end: number;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Without the value that is found behind each name; what belongs to one name is no name itself. */
function without(
  text: string,
  names: Iterable<RegExpExecArray>,
  valueBehind: (name: Name, text: string) => Span | undefined,
): string {
  let out = "";
  let from = 0;
  let skipTo = 0;
  for (const { 0: found, index } of names) {
    if (index < skipTo) continue;
    const { start, end } = wordAround(text, { start: index, end: index + found.length }, skipTo);
    skipTo = end;
    const value = valueBehind({ found, whole: text.slice(start, end), end }, text);
    if (!value) continue;
    out += text.slice(from, value.start) + MARK;
    from = value.end;
    skipTo = from;
  }
  return out + text.slice(from);
}

/** The quote that ends the name itself does not count. */
const QUOTED_NEXT =
  /((?:[\w\])-]{0,16}\\*["'`])?[^"'`\n;{}\\]{1,40}?)(\\*["'`])([^\s"'`\\)(\],:;][^\s"'`\\]{4,128})\2/y;

/** What is quoted next behind the name, whatever is between them in the same statement. */
function quotedBehind({ whole, end }: Name, text: string): Span | undefined {
  if (!isSecretName(whole)) return undefined;
  QUOTED_NEXT.lastIndex = end;
  const [, between = "", quote = "", quoted = ""] = QUOTED_NEXT.exec(text) ?? [];
  if (quoted === "" || quoted.includes(MARK) || between.includes(MARK)) return undefined;
  if (isSecretName(quoted) || ADDRESS.test(quoted)) return undefined;
  const start = end + between.length + quote.length;
  return { start, end: start + quoted.length };
}

function valueNear({ found, whole, end }: Name, text: string): Span | undefined {
  if (!isSecretName(whole) && !isSecretName(found)) return undefined;
  const window = text.slice(end, end + REACH);
  const mayBeWord = !NO_PASSWORD.test(found);
  let before = "";
  let count = 0;
  for (const { 0: written, index: at } of window.matchAll(WORD)) {
    const glued = GLUED_COPULA.exec(written)?.[0] ?? "";
    if (glued !== "") before = glued;
    const word = written.slice(glued.length);
    const index = at + glued.length;
    if (++count > WORDS_BETWEEN || word.includes(MARK) || MARK.includes(word)) return undefined;
    const isSaid =
      mayBeWord &&
      (COPULA.test(before) || (before.endsWith(":") && isSecretName(`${found} ${before.slice(0, -1)}`))) &&
      endsAt(window, index + word.length) &&
      isNoPredicate(word);
    before = word;
    if (!isOdd(word) && !isSaid) continue;
    const start = end + index;
    const rest = REST.exec(text.slice(start + word.length, start + word.length + MOST))?.[0] ?? "";
    return { start, end: start + word.length + rest.length };
  }
  return undefined;
}

/** What a value goes on with beyond its window. */
const REST = /^[^\s"'`<>()[\]{},;|]*/;
const MOST = 4_096;

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
