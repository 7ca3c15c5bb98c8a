import { describe, expect, it } from "vitest";
import { createKnownSecrets } from "./known-secrets.ts";

const SECRETS = [
  "tok-9f8e7d6c5b4a39281706",
  'p/ss+w=rd & "quoted" \\back<x>é€',
  "hunter2",
  "Zm9vYmFyMTIzNDU2Nzg5MDEyMzQ1Ng==",
  `sk-${"A1b2C3d4E5".repeat(8)}`,
];
const known = createKnownSecrets();
known.learn(SECRETS);

const hex = (char: string): string => (char.codePointAt(0) ?? 0).toString(16);
const bytewise = (text: string, each: (byte: number) => string): string => Array.from(Buffer.from(text), each).join("");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** How a program may spell what it was given. */
const SPELLINGS: Readonly<Record<string, (secret: string) => string>> = {
  raw: secret => secret,
  "in lower case": secret => secret.toLowerCase(),
  "in upper case": secret => secret.toUpperCase(),
  "percent-encoded": encodeURIComponent,
  "percent-encoded in lower-case hex": secret => encodeURIComponent(secret).replace(/%../g, e => e.toLowerCase()),
  "percent-encoded twice": secret => encodeURIComponent(encodeURIComponent(secret)),
  "percent-encoded byte by byte": secret => bytewise(secret, b => `%${b.toString(16).padStart(2, "0")}`),
  "percent-encoded in one place": secret =>
    `%${hex(secret[0] ?? "").padStart(2, "0")}${encodeURIComponent(secret.slice(1))}`,
  "as a form field": secret => new URLSearchParams({ a: secret }).toString().slice(2),
  "percent-encoded by encodeURI": encodeURI,
  hexadecimal: secret => Buffer.from(secret).toString("hex"),
  "hexadecimal in capitals": secret => Buffer.from(secret).toString("hex").toUpperCase(),
  "hexadecimal, byte by byte": secret => bytewise(secret, b => `${b.toString(16).padStart(2, "0")} `).trim(),
  "as a fingerprint": secret => (Buffer.from(secret).toString("hex").toUpperCase().match(/../g) ?? []).join(":"),
  "as xxd prints it": secret =>
    (
      Buffer.from(secret)
        .toString("hex")
        .match(/.{1,4}/g) ?? []
    ).join(" "),
  "as code points in braces": secret => Array.from(secret, char => `\\u{${hex(char)}}`).join(""),
  "in octal": secret => bytewise(secret, b => `\\${b.toString(8).padStart(3, "0")}`),
  "as bytes of JavaScript": secret => bytewise(secret, b => `\\x${b.toString(16).padStart(2, "0")}`),
  "as JSON": secret => JSON.stringify(secret),
  "as JSON in JSON": secret => JSON.stringify(JSON.stringify({ a: secret })),
  "as JSON in JSON in JSON": secret => JSON.stringify([JSON.stringify({ a: JSON.stringify([secret]) })]),
  "as JSON with escaped slashes": secret => JSON.stringify(secret).replaceAll("/", "\\/"),
  "as JSON with every unit escaped": secret =>
    Array.from({ length: secret.length }, (_, at) => `\\u${secret.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
      "",
    ),
  "as JSON with one letter escaped": secret =>
    `${JSON.stringify(secret.slice(0, 3)).slice(1, -1)}\\u00${hex(secret[3] ?? "")}${JSON.stringify(secret.slice(4)).slice(1, -1)}`,
  "as HTML": secret => secret.replace(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`),
  "as HTML with names": secret =>
    secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
  "as HTML in hexadecimal": secret => Array.from(secret, char => `&#x${hex(char)};`).join(""),
};
const BASE64: Readonly<Record<string, (secret: string) => string>> = {
  Base64: base64,
  "Base64 behind one byte": secret => base64(`a${secret}`),
  "Base64 behind two bytes": secret => base64(`ab${secret}bc`),
  "Base64 of a header": secret => base64(`{"Authorization":"Bearer ${secret}"}`),
  "Base64 of Base64": secret => base64(JSON.stringify({ auth: base64(`user:${secret}`) })),
  "Base64 of UTF-16": secret => Buffer.from(`echo ${secret}`, "utf16le").toString("base64"),
  "Base64 for URLs": secret => Buffer.from(`user:${secret}`).toString("base64url"),
  "Base64 in lines": secret =>
    base64(`some text that comes before it so that it is long ${secret} ${secret} and after`).replace(/.{76}/g, "$&\n"),
};

const forms = [...Object.entries(SPELLINGS), ...Object.entries(BASE64)];

/** With one line break in the middle. */
const broken = (text: string, at: number): string => `${text.slice(0, at)}\n${text.slice(at)}`;

describe.each(SECRETS)("%j", secret => {
  it("is hidden in Base64 and in hexadecimal wherever a line ends", () => {
    if (secret.length < 8) return;
    for (const encoding of ["base64", "hex"] as const) {
      for (const before of ["", "a", "ab"]) {
        const text = Buffer.from(before + secret).toString(encoding);
        for (let at = 4; at < text.length - 4; at++) expect(known.hide(broken(text, at))).toContain("[secret]");
      }
    }
  });

  it.each([64, 70, 72, 76, 80])("is hidden in lines of %d characters wherever it begins", width => {
    if (secret.length < 8) return;
    for (let before = 0; before < width; before++) {
      const text = Buffer.from(`${"x".repeat(before)}${secret}${"y".repeat(90)}`).toString("base64");
      const lines = text.replace(new RegExp(`.{${width}}`, "g"), "$&\n");
      const json = Buffer.from(JSON.stringify({ lines }));
      expect(known.hideInJson(json).toString()).toContain("[secret]");
    }
  });

  it.each(forms)("is hidden in text when it is spelled %s", (name, spell) => {
    const spelled = spell(secret);
    if (name in BASE64 && secret.length < 8) return;
    for (const text of [spelled, `before ${spelled} after`, `Bearer ${spelled}\nnext`, `"${spelled}"`]) {
      const hidden = known.hide(text);
      expect(hidden).toContain("[secret]");
      if (!(name in BASE64)) expect(hidden).not.toContain(spelled);
      expect(everyWay(hidden).filter(one => one.includes(secret))).toEqual([]);
    }
  });

  it.each(forms)("is hidden in JSON when it is spelled %s", (name, spell) => {
    if (name in BASE64 && secret.length < 8) return;
    const value = {
      a: [`x ${spell(secret)} y`, 1],
      [spell(secret)]: { deep: JSON.stringify({ said: spell(secret) }) },
    };
    const json = Buffer.from(JSON.stringify(value));
    const hidden = JSON.parse(known.hideInJson(json).toString()) as typeof value;
    expect(hidden.a[0]).toContain("[secret]");
    expect(Object.keys(hidden)[1]).toContain("[secret]");
    expect(JSON.stringify(Object.values(hidden)[1])).toContain("[secret]");
    expect(everyWay(JSON.stringify(hidden)).filter(one => one.includes(secret))).toEqual([]);
  });
});

describe("bytes in Base64, where clients refuse what is none", () => {
  const secret = SECRETS[0] as string;
  it.each([
    ["blob", ""],
    ["blob", "x"],
    ["data", "xy"],
  ])("stay Base64 in %j behind %j, and keep what stands around the secret", (member, before) => {
    const text = `${before}some text before ${secret} and after\n`;
    const json = JSON.stringify({ uri: "file:///a", [member]: base64(text), mimeType: "image/png" });
    const hidden = JSON.parse(known.hideInJson(Buffer.from(json)).toString()) as Record<string, string>;
    expect(hidden[member]).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
    const bytes = Buffer.from(hidden[member] ?? "", "base64").toString();
    expect(bytes).toHaveLength(text.length);
    expect(bytes).toMatch(/^x?y?some text before .*\*{20,}.* and after\n$/);
    expect(everyWay(JSON.stringify(hidden)).filter(one => one.includes(secret))).toEqual([]);
  });

  it("are marked like everything else under another name, and where they are no Base64", () => {
    const said = (value: object): unknown =>
      JSON.parse(known.hideInJson(Buffer.from(JSON.stringify(value))).toString());
    expect(said({ text: base64(`abc${secret}`) })).toEqual({ text: expect.stringContaining("[secret]") });
    expect(said({ data: `is ${secret}` })).toEqual({ data: "is [secret]" });
  });
});

/** What a reader may make of a text. */
function everyWay(text: string): string[] {
  const clear = text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const units = text.replace(/\\+u([0-9a-f]{4})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
  const runs = text.match(/[\w+/-]{8,}/g) ?? [];
  return [
    text,
    clear,
    units,
    ...runs.flatMap(run => [0, 1, 2, 3].map(skip => Buffer.from(run.slice(skip), "base64").toString())),
  ];
}
