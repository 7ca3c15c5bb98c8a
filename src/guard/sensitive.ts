/** What is secret by its shape. Every expression is linear: no unbounded run must be followed by more. */
import { looksRandom } from "../core/secrets/looks-random.ts";
import { NAME_HINTS } from "./secret-names.ts";

/** What stands in the place of a secret. */
export const MARK = "[redacted]";

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
  "\\b(?:AKIA|ASIA|ABIA|ACCA|AKID|LTAI)[A-Z0-9]{12,}",
  "gh[pousr]_\\w{16,}",
  "github_pat_\\w{16,}",
  "gl(?:pat|dt|ptt|rt|soat|cbt|ft|imt|agent|oas|ffct)-[\\w.-]{12,}",
  "npm_[a-z0-9]{20,}",
  "\\b[sr]k[-_][\\w-]{16,}",
  "xox[a-z]-[\\w-]{8,}",
  "xox[a-z]\\.[\\w.-]{8,}",
  "xapp-[\\w-]{8,}",
  "AIza[\\w-]{30,}",
  "GOCSPX-[\\w-]{10,}",
  "ya29\\.[\\w-]{16,}",
  "\\b1//0[\\w-]{20,}",
  "\\bhf_[a-z0-9]{20,}",
  "\\bSG\\.[\\w.-]{30,}",
  "pypi-[\\w-]{32,}",
  "do[opr]_v1_\\w{32,}",
  "shp(?:at|ca|pa|ss)_\\w{20,}",
  "\\bhv[sbr]\\.[\\w-]{12,}",
  "\\bdapi[0-9a-f]{16,}",
  "\\bdose[0-9a-f]{16,}",
  "\\b(?:whsec|secret|ntn|lin_api|lin_oauth|r8|figd|figo|dckr_pat|dckr_oat|sbp|gsk|phx|phc|tfp|nfp|nfc|vcp|vci|vck|fo1|glsa|glc|ops|sntrys|sntryu|lsv2_pt|lsv2_sk|sgp|bkua|zpka|rdme|ptkp|rubygems|api_org|rnd|rw_(?:Fe|re)|re|pat|oat|cio|duffel_(?:live|test)|shippo_(?:live|test)|atlasv1|ccipat|cciprj|duo|tskey|cfut|cfat|e2b|mem0|jina|mcp|sb_secret|ghp|psk)_[\\w./+=-]{14,}",
  "\\b(?:key|pplx|xai|tvly|nvapi|fc|sk|pul|p8e|fio-u|nrak|nrjs|nrii|pmak|hrku|rgapi|xkeysib|xsmtpsib|cfpat|pat-\\w{2,4}\\d|tk-us|age-secret-key|flwseck|ezak|eztk|tskey|sq0(?:atp|csp)|bbdc|a3|r8|sup|gr|dp\\.(?:pt|st|ct|sa|scim|audit))[-.][\\w.=+/-]{14,}",
  "\\bAT(?:ATT|CTT|BB)3?[\\w=-]{16,}",
  "\\bEAA[A-Za-z0-9]{20,}",
  "\\bAKCp\\w{16,}|\\bcmVmd\\w{16,}",
  "\\bpat[A-Za-z0-9]{14}\\.[0-9a-f]{24,}",
  "\\b\\d{8,10}:AA[\\w-]{30,}",
  "\\bv1\\.0-[0-9a-f-]{40,}",
  "\\bsl\\.[\\w-]{20,}",
  "\\bFlyV1 [\\w,=+/-]{16,}",
  "\\b[\\w~.]{3}\\dQ~[\\w~.-]{20,}",
  "\\bSK[0-9a-f]{32}\\b",
  "\\$(?:1|2[abxy]?|5|6|7|y|apr1|argon2\\w{1,2}|scrypt|pbkdf2[\\w-]{0,16})\\$[^\\s:\"'<>]{8,}",
  "\\b(?:otpauth|age1|nsec1|xprv)[\\w:/?=&%.+-]{16,}",
].join("|");

/** Secrets that are known by what stands before them, which stays. */
const BLANK = "(?:\\s|%20|\\+){1,8}";
const AFTER = [
  `\\bbearer${BLANK}(?!(?:tokens?|auth\\w*|schemes?|headers?|realm|error)\\b)`,
  "[?&#;](?:sig|signature|x-amz-signature|x-goog-signature|x-oss-signature|key|code|k|auth|authuser_token|ticket|hmac|hash|h)=",
  "\\b(?:hooks\\.slack(?:-gov)?\\.com|(?:ptb\\.|canary\\.)?discord(?:app)?\\.com\\/api(?:\\/v\\d{1,2})?\\/webhooks|[\\w.-]{1,64}\\.webhook\\.office\\.com|outlook\\.office(?:365)?\\.com\\/webhook|hooks\\.zapier\\.com|hook\\.\\w{1,8}\\.make\\.com|open\\.(?:feishu|larksuite)\\.(?:cn|com)\\/open-apis\\/bot|maker\\.ifttt\\.com|webhook\\.site|hc-ping\\.com|ntfy\\.sh|hooks\\.[\\w.-]{1,64})\\/",
  "\\b(?:infura\\.io|alchemy\\.com|quiknode\\.pro|ankr\\.com|moralis\\.io|getblock\\.io)\\/(?:[a-z]\\w{0,16}\\/){0,2}(?=[^\\s/]{16})",
  "\\/v\\d\\/(?=[0-9a-f]{32}(?![\\w-]))",
  "\\/(?:web)?hooks?\\/(?=[^\\s/]{0,64}[0-9])",
  "\\bapi\\.telegram\\.org\\/(?:file\\/)?bot",
  "\\bthin:\\w{1,64}\\/(?=[^\\s@]{1,128}@)",
  "\\b(?:creds?|credentials?|logins?)\\s{0,2}[:=]?\\s{0,2}[\\w.@-]{1,64}\\s{0,2}[:/]\\s{0,2}(?!\\/)(?=\\S{5})",
  "\\b(?:user|usr|login|basic)(?:=|\\s)[\\w.@-]{1,64}:(?!\\/\\/)",
  "(?:^|\\s)(?:-u|--user|--proxy-user|-U|--userpwd)(?:\\s{1,4}|=)[\"']?[\\w.@+-]{1,64}:",
  "\\bmachine\\s{1,8}\\S{1,128}\\s{1,8}login\\s{1,8}\\S{1,128}\\s{1,8}password\\s{1,8}",
  "\\bpass(?:in|out)?\\s{0,2}pass:",
  "\\/user:\\S{1,64}\\s{1,4}",
  "(?:^|\\s)[\\w.*-]{1,128}:(?:\\d{2,5}|\\*):[^:\\s/]{1,64}:[^:\\s/]{1,64}:",
  "\\bvalue[\"']?\\s{0,3}[:=]\\s{0,3}[\"']?(?=[^\\n]{1,200}\\n[\\s-]{0,32}(?:name|key)[\"']?\\s{0,3}[:=]\\s{0,3}[\"']?[\\w.-]{0,64}(?:token|secret|passw|api[_-]?key|credential|cookie|auth))",
  "\\bredis-cli\\b[^\\n]{0,100}?\\s-a\\s{1,4}",
  "\\bmysql\\w{0,8}\\b[^\\n]{0,100}?\\s-p(?=[^\\s-])",
  "\\bidentified\\s{1,4}(?:with\\s{1,4}\\S{1,64}\\s{1,4})?by\\s{1,4}[\"']?",
  "\\b(?:password|pass|pwd|pin|otp|passcode|passphrase|code|token|secret|key|credentials?)(?:\\s{1,3}(?:is|was|to|are|=|→)){1,2}\\s{0,3}:?\\s{1,3}[\"'`“«]?(?=\\S{0,64}[0-9!#$%^&*@])",
  "\\bpassword\\s{1,3}for\\s{1,3}\\S{1,64}\\s{0,3}=\\s{0,3}[\"']?",
  "\\b(?:password|passcode|pin|otp|passphrase)\\s{1,3}[\"'`“«]?(?=\\S{0,32}[0-9])",
  "\\b(?:code|pin|otp|passcode)\\b[^\\n.:]{0,24}[:\\s]\\s{0,3}(?=\\d{4,8}\\b)",
].join("|");
const BASIC = `(\\bbasic${BLANK})([\\w+/-]{4,}={0,2})`;
/** User and password of a URL; the second form is a password with unescaped separators in it. */
const USERINFO =
  "(:\\/\\/)(?:[^\\s/?#\"'<>]{1,256}@|[^\\s/?#\"'<>:@]{0,64}:(?!\\d{1,5}(?:[/?#\\s]|$))[^\\s\"'<>]{1,256}?@)";
const SECRET = new RegExp(`(${AFTER})[^\\s"'\`,;&<>”»]+|${BASIC}|${USERINFO}|(?:${SHAPES})`, "gim");

/** `Basic` is also a word, so what follows must be what it claims to be: user and password in Base64. */
const isBasicCredential = (text: string): boolean => Buffer.from(text, "base64").toString("latin1").includes(":");

/** What is called a password behind it. */
const CALLED = /\s{0,2}\((?:password|pw|pwd|passwort|pass|passcode|pin|secret|token)\)/i;
const BEFORE_CALLED = new RegExp(`[^\\s"'\`(]{6,64}(?=${CALLED.source})`, "gi");

/** Removes every credential that is known by its shape or by what stands before or behind it. */
export function redactShapes(text: string): string {
  const rest = CALLED.test(text) ? text.replace(BEFORE_CALLED, MARK) : text;
  return rest.replace(SECRET, (match: string, after?: string, basic?: string, value?: string, scheme?: string) => {
    if (basic !== undefined) return isBasicCredential(value ?? "") ? basic + MARK : match;
    return (after ?? scheme ?? "") + MARK + (scheme === undefined ? "" : "@");
  });
}

const KEY_BLOCK =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g;

/** Removes private key blocks, also one that does not end. */
export const redactKeyBlocks = (text: string): string =>
  text.includes("-----BEGIN ") ? text.replace(KEY_BLOCK, MARK) : text;

/** A word that is like nothing but a key: long, and of letters in both cases with digits among them. */
const LONG_WORD = /[A-Za-z0-9_+/=.~-]{20,}/g;

export const hasLongWord = (text: string): boolean => text.search(LONG_WORD) >= 0;

/** Removes words that look like keys of kinds that nobody listed. Digests, UUIDs, names, paths and numbers stay. */
export function redactRandomWords(text: string): string {
  return text.replace(LONG_WORD, run =>
    run
      .split(/([/.]+)/)
      .map(part => (part.length >= 20 && isKeyLike(part) ? MARK : part))
      .join(""),
  );
}

function isKeyLike(word: string): boolean {
  if (/^[0-9a-f-]+$/i.test(word)) return false;
  const isMixed = word.length >= 24 || (/[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word));
  return isMixed && looksRandom(word);
}

/**
 * Literals of which at least one occurs in every JSON string that any rule here, or the reading of percent and `\u`
 * escapes, can change. The last five would end or disguise a line: U+0085, U+2028, U+2029, and the two letters that fold
 * to `k` and `s`. Long words are looked for by themselves.
 */
export const HINTS: readonly (string | Buffer)[] = [
  ...NAME_HINTS,
  ..."basic eyj akia asia abia acca akid ltai ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ npm_ user login -u usr -k redis-cli mysql :5432: :*:".split(
    " ",
  ),
  ..."sk- sk_ rk- rk_ xox xapp- aiza ya29. hf_ sg. pypi- _v1_ shpat_ shpca_ shppa_ shpss_ -----begin hook thin: identified".split(
    " ",
  ),
  ..."@ sig= signature= code= hmac= hash= ticket= &k= ?k= ?h= &h= %2 %3 %4 %5 %6 %7 u00 $ aa".split(" "),
  ..."gocspx hvs. hvb. hvr. dapi dose machine telegram bot discord office sl. \u0085 \u2028 \u2029 \u017f \u212a".split(
    " ",
  ),
  ..."infura client_ wifi: setuser sp_addlogin {plain} {ssha} {crypt} psk sudo values infura alchemy quiknode ankr moralis getblock /v1/ /v2/ /v3/ from-literal community zip ldap 7z rabbitmqctl snmp sqlcmd ipmi mosquitto mongo rar isql osql certutil plink pscp psftp cqlsh winexe psexec ncftp lftp useradd usermod influx beeline xfreerdp rdesktop rpcclient snowsql valkey-cli keydb-cli kinit openssl cryptsetup -stdin {cleartext} {bcrypt} {sha {md5 {smd5} {noop} nmcli iwconfig netsh smbclient".split(
    " ",
  ),
  ...[0xe2].map(byte => Buffer.from([byte])),
];
