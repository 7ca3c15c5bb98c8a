/** How a value may be spelled by whoever passes it on. */

const FEWEST = 8;

/**
 * The spellings of a value by encodings in use, none of them shorter than eight characters but the value itself: as it
 * is, in either case, percent-encoded as libraries do it, in Base64 wherever it stands among other bytes, in hexadecimal,
 * and as HTML. What is left is what escapes single characters: see `unescaped`.
 */
export function spellingsOf(value: string): string[] {
  const hex = Buffer.from(value).toString("hex");
  const plain = [value, value.toLowerCase(), value.toUpperCase(), ...linesOf(value)];
  const others = [
    ...percentEncodings(value),
    ...[value, encodeStrictly(value), JSON.stringify(value).slice(1, -1)].flatMap(text =>
      base64Cores(Buffer.from(text)),
    ),
    hex,
    hex.toUpperCase(),
    value.replace(/[&<>"']/g, char => ENTITIES[char] ?? char),
  ];
  return [...new Set([...plain, ...others.filter(text => text.length >= FEWEST)])];
}

/** Bytes set apart, as fingerprints and memory are printed. */
const apart = (hex: string): string[] => [
  ...[":", " "].map(separator => (hex.match(/../g) ?? []).join(separator)),
  (hex.match(/.{1,4}/g) ?? []).join(" "),
];

/** Keys of this kind are stored in a file that is stored as Base64 again: registries' logins in secrets of clusters. */
const twiceBase64 = (value: string): string[] =>
  [0, 1, 2].flatMap(before => {
    const once = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]).toString("base64");
    return base64Cores(Buffer.from(once.slice(before + 1, -4)));
  });
const LONGEST_TWICE = 256;

/** Those besides that take somebody a step more. */
export function rareSpellingsOf(value: string): string[] {
  const hex = Buffer.from(value).toString("hex");
  const all = [
    ...apart(hex).flatMap(text => [text, text.toUpperCase()]),
    ...base64Cores(Buffer.from(value, "utf16le")),
    ...(value.length > LONGEST_TWICE ? [] : twiceBase64(value)),
  ];
  return [...new Set(all)].filter(text => text.length >= FEWEST);
}

/** A key in several lines may come one line at a time; its first and its last say what it is, and nothing of it. */
function linesOf(value: string): string[] {
  const lines = value.split(/\\n|[\r\n]+/).map(line => line.trim());
  return lines.length < 2 ? [] : lines.filter(line => line.length >= 2 * FEWEST && !line.startsWith("-----"));
}

function percentEncodings(value: string): string[] {
  const strict = encodeStrictly(value);
  const paths = strict.replaceAll("%2F", "/");
  const form = strict.replaceAll("%20", "+");
  const whole = encodeLeniently(value);
  return [strict, paths, form, whole, strict.replaceAll("%", "%25")].flatMap(text => [
    text,
    text.replace(/%[0-9A-F]{2}/g, code => code.toLowerCase()),
  ]);
}

/** Every byte but those that need no encoding anywhere. */
const encodeStrictly = (value: string): string =>
  Array.from(Buffer.from(value), byte =>
    /[\w.~-]/.test(String.fromCharCode(byte)) && byte < 0x80
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  ).join("");

/** As browsers' `encodeURI`, which leaves what has a meaning in URLs. */
const encodeLeniently = (value: string): string =>
  encodeStrictly(value).replace(/%(21|2[346-9A-CF]|3[ABDF]|40)/g, unpercent);
const unpercent = (code: string): string => String.fromCharCode(Number.parseInt(code.slice(1), 16));

/**
 * What Base64 makes of these bytes wherever they stand: three texts, without the characters at both ends that depend on
 * their neighbours; each in both alphabets.
 */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap(before => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const core = text.slice(from, to);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
