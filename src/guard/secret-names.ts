import { createHints, mayOccurIn } from "./hints.ts";

/** Which names say that their value is secret. Names are compared in Unicode's compatibility form, and word by word. */

/** Parts of a name that say so wherever they stand in it. */
const WORDS = [
  "api[ _.-]?key",
  "passw(?:or)?d|psswd|pswd",
  "pass[ _-]?(?:phrase|code|key)",
  "pwd",
  "token",
  "secret",
  "credential",
  "authori[sz]ation",
  "(?:access|account|application|auth|private|signing|encryption|master|shared|secret|client|consumer|deploy|host|license|licence|service|storage|subscription|webhook|session|ssh|rsa|pgp|gpg|hmac|aes|functions)[ _.-]?key",
  "cookie",
  "session[ _.-]?id",
  "jwt",
  "bearer",
  "(?:verification|security|one[ _-]?time|backup|recovery|login|access|activation|sms|2fa|mfa|card)[ _-]?(?:code|pin|password|phrase|key)s?",
  "seed[ _-]?(?:phrase|words)|mnemonic",
  "connection[ _-]?string|conn[ _-]?str",
  "(?:card|account|iban)[ _-]?(?:number|no)(?![a-z])",
  "social[ _-]?security",
  "webhook[ _-]?url",
  "pin[ _.-]?(?:code|number|no)(?![a-z])",
  "secure[ _-]?string",
  "string[ _-]?data",
].join("|");

/** The same in other languages. Names are in lower case and composed when they are looked at. */
const OTHER_LANGUAGES = [
  ...[
    "passwort",
    "kennwort",
    "geheim",
    "zugangsdaten",
    "zugangscode",
    "freischaltcode",
    "losung(?:swort)?(?![a-z])",
    "(?:api|zugangs)-?schlüssel",
    "contraseña",
    "contrasena",
    "clave(?![a-z])",
    "secreto",
  ],
  ...[
    "senha",
    "segredo",
    "mot[ _-]?de[ _-]?passe?",
    "motdepasse",
    "jeton",
    "code[ _-]?secret",
    "parola(?: d['’]ordine)?",
    "parolă",
    "chiave[ _-]?(?:segreta|privata|api)",
    "segreto",
    "code[ _-]?d['’_ ]?acc[eè]s",
    "c[oó]digo[ _-]?de[ _-]?(?:acceso|acesso|seguridad|segurança)",
    "palavra[ _-]?passe",
    "codice[ _-]?(?:di[ _-]?)?accesso",
  ],
  ...[
    "hasło",
    "haslo",
    "wachtwoord",
    "geheim",
    "lösenord",
    "losenord",
    "salasana",
    "heslo",
    "jelszó",
    "jelszo",
    "şifre",
    "sifre",
    "parol(?![a-z])",
  ],
  ...[
    "adgangskode",
    "passord",
    "kodeord",
    "lozinka",
    "geslo",
    "slaptažodis",
    "parool",
    "mật khẩu",
    "mat[ _-]?khau",
    "kata[ _-]?sandi",
    "κωδικός",
    "κωδικος",
  ],
  ...[
    "пароль",
    "парола",
    "секрет",
    "токен",
    "лозинка",
    "密码",
    "密碼",
    "口令",
    "令牌",
    "密钥",
    "密鑰",
    "秘密",
    "パスワード",
    "暗証番号",
    "トークン",
    "暗号鍵",
  ],
  ...[
    "비밀번호",
    "암호",
    "토큰",
    "시크릿",
    "סיסמה",
    "סיסמא",
    "كلمة المرور",
    "كلمة السر",
    "كلمة مرور",
    "رمز عبور",
    "गुप्त",
    "पासवर्ड",
    "सांकेतिक शब्द",
    "कूटशब्द",
    "รหัสผ่าน",
    "পাসওয়ার্ড",
  ],
]
  .map(word => word.normalize("NFKC"))
  .join("|");

/** Names that say so as a whole word at their end; a number may follow. */
const WHOLE = "pass|auth|pw|psw|psk|otp|totp|pin|cvv2?|cvc2?|ssn|tan|pat|creds?|dsn|sid|csrf|xsrf|kennung|apikeys?";
/** Whatever is called the key of something may be one, unless it leads to a record. */
const KEY = "[a-z0-9]+[ _.-]keys?(?:[ _.-]?\\d{1,3})?$";
const NO_KEY =
  /(?:primary|foreign|sort|partition|hash|range|public|cache|issue|project|space|object|row|composite|unique|idempotency|translation|i18n|event|message|shard|routing|map|dict|index|store|parent|epic|lookup|group|natural|surrogate|candidate|json|meta|data|label|tag|node|react|menu|item|hot|arrow|shortcut|config|any|each|first|last|no|the|a|this|s3|bucket|query|param|column|field|extra|missing|unknown|duplicate|invalid|required|other)[ _.-]keys?$/i;

/** Names of numbers, of places, of kinds, and of pages of lists. */
const INNOCENT = [
  "(?:max|min|total|num|n|input|output|prompt|completion|cached|reasoning|used|remaining|context)[ _.-]?(?:[a-z]+[ _.-])?tokens?",
  "tokens?(?:[ _.-](?:count|limit|usage|budget|used|size|type|expir\\w*|ttl|name|url|uri|endpoint|policy|length|per[ _.-].*))?s",
  "tokens?[ _.-](?:count|limit|usage|budget|used|size|type|expir\\w*|ttl|url|uri|endpoint|policy|length|per[ _.-].*)",
  "(?:next[ _.-]?|prev(?:ious)?[ _.-]?)?(?:page|sync|continuation|pagination|next|cancell?ation|progress)[ _.-]?token",
  "(?:secret|credential|cookie|passw(?:or)?d|token|jwt)s?[ _.-](?:name|id|arn|type|policy|enabled|required|strength|hint|length|reset|manager|ref)",
  "(?:has|is|requires?|needs?|show|hide)[ _.-](?:passw(?:or)?d|token|secret|cookies?|auth|pin|credentials?)",
  "authori[sz]ation[ _.-](?:url|uri|endpoint|type|code[ _.-]?url|server)s?",
  "cookies?[ _.-](?:policy|banner|consent|enabled)",
  "secretar\\w*|tokeni[sz]\\w*|passwordless",
].join("|");

const SAYS = new RegExp(
  `${WORDS}|(?:${OTHER_LANGUAGES})|(?:^|[ _.-])(?:${WHOLE})(?:[ _.-]?\\d{1,3})?$|(?<!com|by|tres|sur|over|under|im|eye|key|other|first|second|one|single|multi)pass(?:[ _.-]?\\d{1,3})?$`,
  "u",
);
const IS_KEY = new RegExp(KEY);
const HARMLESS = new RegExp(`^(?:[\\w.-]*[ _.-])?(?:${INNOCENT})$`);

/** A hump of an identifier is a word. */
const inWords = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, "$1$3_$2")
    .toLowerCase();

const LONGEST = 128;

/** Whether the value that belongs to this name is secret. */
export function isSecretName(name: string): boolean {
  if (!mayName(name) && !name.includes("_")) return false;
  return (
    saysSecret(name) || (IS_KEY.test(inWords(name.slice(-LONGEST))) && !NO_KEY.test(inWords(name.slice(-LONGEST))))
  );
}

/** The same without names that only end in `key`. */
export function saysSecret(name: string): boolean {
  const words = inWords(name.slice(-LONGEST));
  return (SAYS.test(words) || SAYS.test(words.replaceAll("_", ""))) && !HARMLESS.test(words);
}

/** Where a secret name may be found in text: {@link isSecretName} decides about the word there. */
export const NAME_IN_TEXT = new RegExp(
  `${WORDS}|${OTHER_LANGUAGES}|${WHOLE}|[a-z0-9][ _.-]?keys?(?:[ _.-]?\\d{1,3})?(?=["'\`\\]\\s]{0,3}(?:[:=>|\\t]|$))`,
  "giu",
);

/** Literals of which one occurs in every such name, in either case. */
export const NAME_HINTS: readonly (string | Buffer)[] = [
  ..."key pass psswd pswd pwd pw psw psk token secret credential auth cookie session jwt bearer otp pin cvv cvc ssn tan".split(
    " ",
  ),
  ..."pat creds dsn sid csrf xsrf code phrase words mnemonic connection conn_str connstr conn-str number account card social".split(
    " ",
  ),
  ..."webhook secure stringdata string_data losung freischalt code codi acces palavra kennwort kennung geheim zugangs contrase clave senha segred segret passe jeton parol hasl chiave".split(
    " ",
  ),
  ..."wachtwoord losenord salasana heslo jelsz sifre adgangs passord kodeord lozinka geslo khau sandi".split(" "),
  // Letters beyond ASCII by their first byte or two: Latin with marks, Greek, Cyrillic, Hebrew, Arabic, and from there on.
  ...[
    0xc3, 0xc4, 0xc5, 0xcc, 0xce, 0xcf, 0xd0, 0xd1, 0xd7, 0xd8, 0xd9, 0xe0, 0xe1, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
    0xe9, 0xea, 0xeb, 0xec, 0xed,
  ].map(byte => Buffer.from([byte])),
  ...[
    [0xef, 0xbc],
    [0xef, 0xbd],
    [0xf0, 0x9d],
  ].map(bytes => Buffer.from(bytes)),
];

const NAMES = createHints(NAME_HINTS);
/** Whether such a name may stand in a text: fast, and at times wrong, in one direction. */
export const mayName = (text: string): boolean => mayOccurIn(NAMES, text);
