/** What is secret by its name or by its shape. Every expression is linear: no unbounded run must be followed by more. */

/** What stands in the place of a secret. */
export const MARK = "[redacted]";

/** Parts of a name that say that its value is secret. */
const WORDS = [
  "api[ _.-]?key",
  "passw(?:or)?d",
  "pass[ _-]?(?:phrase|code)",
  "pwd",
  "token",
  "secret",
  "credential",
  "authori[sz]ation",
  "(?:access|account|auth|private|signing|encryption|master|shared)[ _.-]?key",
  "cookie",
  "session[ _.-]?id",
  "jwt",
  "bearer",
].join("|");
/** Names that say so only as a whole word. */
const WHOLE = "pass|auth|pw|otp";

const NAME = new RegExp(`${WORDS}|(?:^|[_.-])(?:${WHOLE})$`, "i");

/** Whether the value that belongs to this name is secret. */
export const isSecretName = (name: string): boolean => NAME.test(name);

/** Where a secret name may be found in text. */
export const NAME_IN_TEXT = new RegExp(`${WORDS}|\\b(?:${WHOLE})\\b|[_-](?:${WHOLE})\\b`, "gi");

/** Configured patterns that say nothing beyond the built-in ones. */
export const BUILT_IN_PATTERNS: ReadonlySet<string> = new Set([
  "api[_-]?key",
  "apikey",
  "api_key",
  "password",
  "passwd",
  "token",
  "secret",
  "authorization",
  "credential",
  "credentials",
  "cookie",
  "bearer",
]);

/** Credentials that are known by their prefix: all of the match is secret. */
const SHAPES = [
  "eyJ[\\w-]{12,}(?:\\.[\\w-]*)*",
  "\\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}",
  "gh[pousr]_\\w{16,}",
  "github_pat_\\w{16,}",
  "gl(?:pat|dt|ptt|rt|soat)-[\\w-]{12,}",
  "npm_[a-z0-9]{20,}",
  "\\b[sr]k[-_][\\w-]{16,}",
  "xox[a-z]-[\\w-]{8,}",
  "xapp-[\\w-]{8,}",
  "AIza[\\w-]{30,}",
  "ya29\\.[\\w-]{16,}",
  "\\bhf_[a-z0-9]{20,}",
  "\\bSG\\.[\\w.-]{30,}",
  "pypi-[\\w-]{32,}",
  "do[opr]_v1_\\w{32,}",
  "shp(?:at|ca|pa|ss)_\\w{20,}",
].join("|");

/** Secrets that are known by what stands before them, which stays. */
const BLANK = "(?:\\s|%20|\\+){1,8}";
const AFTER = [
  `\\bbearer${BLANK}(?!(?:tokens?|auth\\w*|schemes?|headers?|realm|error)\\b)`,
  "[?&](?:sig|signature|x-amz-signature|x-goog-signature|key|code)=",
].join("|");
const BASIC = `(\\bbasic${BLANK})([\\w+/-]{4,}={0,2})`;
/** User and password of a URL; the second form is a password with unescaped separators in it. */
const USERINFO =
  "(:\\/\\/)(?:[^\\s/?#\"'<>]{1,256}@|[^\\s/?#\"'<>:@]{0,64}:(?!\\d{1,5}(?:[/?#\\s]|$))[^\\s\"'<>]{1,256}?@)";
const SECRET = new RegExp(`(${AFTER})[^\\s"'\`,;&<>]+|${BASIC}|${USERINFO}|(?:${SHAPES})`, "gi");

/** `Basic` is also a word, so what follows must be what it claims to be: user and password in Base64. */
const isBasicCredential = (text: string): boolean => Buffer.from(text, "base64").toString("latin1").includes(":");

/** Removes every credential that is known by its shape or by what stands before it. */
export function redactShapes(text: string): string {
  return text.replace(SECRET, (match: string, after?: string, basic?: string, value?: string, scheme?: string) => {
    if (basic !== undefined) return isBasicCredential(value ?? "") ? basic + MARK : match;
    return (after ?? scheme ?? "") + MARK + (scheme === undefined ? "" : "@");
  });
}

const KEY_BLOCK =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g;

/** Removes private key blocks, also one that does not end. */
export const redactKeyBlocks = (text: string): string =>
  text.includes("-----BEGIN ") ? text.replace(KEY_BLOCK, MARK) : text;

/**
 * Literals of which at least one occurs in every JSON string that any rule here, or the reading of percent and `\u`
 * escapes, can change. The last five would end or disguise a line: U+0085, U+2028, U+2029, and the two letters that fold
 * to `k` and `s`.
 */
export const HINTS: readonly string[] = [
  ..."key pass pw token secret credential auth cookie session jwt bearer basic otp".split(" "),
  ..."eyj akia asia abia acca ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glptt- glrt- glsoat- npm_".split(" "),
  ..."sk- sk_ rk- rk_ xox xapp- aiza ya29. hf_ sg. pypi- _v1_ shpat_ shpca_ shppa_ shpss_ -----begin".split(" "),
  ..."@ sig= signature= code= %2 %3 %4 %5 %6 %7 u00 \u0085 \u2028 \u2029 \u017f \u212a".split(" "),
];
