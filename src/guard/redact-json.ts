import { isDigit, JsonReader, quote, type Token } from "./json-reader.ts";
import {
  COLUMNS,
  HARMLESS,
  type JsonRules,
  KEY_BEGINS,
  type Kind,
  LETTER,
  NAMED,
  NAMING,
  namesSecret,
  PLAIN_WORD,
  ROWS,
  SPOKEN,
  secretColumns,
} from "./json-shapes.ts";
import { MARK } from "./sensitive.ts";

/**
 * - `whole`: well-formed; `text` is well-formed too, on one line, with every secret value replaced.
 * - `cut`: ends too early; `text` is what there is of it, with every secret value replaced.
 * - `broken`: not JSON.
 */
export type RedactedJson = { readonly kind: "whole" | "cut"; readonly text: string } | { readonly kind: "broken" };

export function redactJson(json: Buffer, rules: JsonRules): RedactedJson {
  return new Walk(json, rules).run();
}

/** The JSON at the beginning of a text, redacted, and how many bytes it takes; `undefined` where there is none. */
export function redactJsonAt(
  text: Buffer,
  rules: JsonRules,
): { readonly text: string; readonly end: number } | undefined {
  return new Walk(text, rules).runOnce();
}

const MAX_DEPTH = 128;
const MARK_JSON = `"${MARK}"`;
const SPEAKS_OF_SECRET = "password";
/** A value that has been written, and may have to be taken back. */
interface Written {
  readonly before: string;
  readonly after: number;
}

class Walk {
  readonly #reader: JsonReader;
  readonly #rules: JsonRules;
  #depth = 0;
  #copied = 0;
  #out = "";
  /** Of the string read last: what it says, where it was looked at. */
  #string: string | undefined;
  /** Rows that are being read, and which of their columns are secret. */
  #table: { readonly columns: readonly number[]; readonly depth: number } | undefined;

  constructor(json: Buffer, rules: JsonRules) {
    this.#reader = new JsonReader(json, rules.hints);
    this.#rules = rules;
  }

  run(): RedactedJson {
    const reader = this.#reader;
    const whole = reader.space() && this.#value(false) && reader.space() && reader.at === reader.json.length;
    if (!whole && !reader.isOver) return { kind: "broken" };
    this.#copyTo(reader.json.length);
    const text = reader.lineBreak ? this.#out.replace(/[\r\n]+[ \t\r\n]*/g, " ") : this.#out;
    return { kind: whole ? "whole" : "cut", text };
  }

  runOnce(): { readonly text: string; readonly end: number } | undefined {
    if (!this.#value(false)) return undefined;
    this.#copyTo(this.#reader.at);
    return { text: this.#out, end: this.#reader.at };
  }

  #copyTo(end: number): void {
    if (end > this.#copied) this.#out += this.#reader.json.toString("utf8", this.#copied, end);
    this.#copied = end;
  }

  #replace(start: number, text: string): void {
    this.#copyTo(start);
    this.#out += text;
    this.#copied = this.#reader.at;
  }

  /** Reads a value so that it can be taken back. */
  #provisional(secret: boolean, keep: Written[]): boolean {
    this.#copyTo(this.#reader.at);
    const before = this.#out;
    const well = this.#value(secret);
    this.#copyTo(this.#reader.at);
    keep.push({ before, after: this.#out.length });
    return well;
  }

  #takeBack({ before, after }: Written): void {
    this.#copyTo(this.#reader.at);
    this.#out = before + MARK_JSON + this.#out.slice(after);
  }

  /** Every reader returns false where the text is not what it must be; at its end, it was cut. */
  #value(secret: boolean): boolean {
    this.#string = undefined;
    const byte = this.#reader.byte;
    if (secret) return this.#secret(byte);
    if (byte === 0x22) return this.#text();
    if (byte === 0x7b) return this.#object();
    if (byte === 0x5b) return this.#array();
    return byte === 0x2d || isDigit(byte) ? this.#number(false) : this.#reader.literal();
  }

  /** A value to be replaced; `true`, `false` and `null` are no secrets. */
  #secret(byte: number | undefined): boolean {
    const reader = this.#reader;
    const start = reader.at;
    if (byte === 0x2d || isDigit(byte)) return this.#number(true);
    if (byte === 0x74 || byte === 0x66 || byte === 0x6e) return reader.literal();
    const out = this.#out;
    const copied = this.#copied;
    const well =
      byte === 0x22 ? reader.string().closed : byte === 0x7b ? this.#object() : byte === 0x5b && this.#array();
    if (!well && !reader.isOver) return false;
    this.#out = out;
    this.#copied = copied;
    if (reader.at > start) this.#replace(start, MARK_JSON);
    return well;
  }

  #object(): boolean {
    if (++this.#depth > MAX_DEPTH) return false;
    const reader = this.#reader;
    reader.at++;
    reader.space();
    const named: Written[] = [];
    let columns: readonly number[] = [];
    let speaksOfSecret = false;
    let well = true;
    if (!reader.take(0x7d)) {
      do {
        reader.space();
        const start = reader.at;
        const name = this.#name();
        if (name === "broken") return this.#endObject(named, speaksOfSecret, false);
        const word = this.#raw(start, reader.at);
        reader.space();
        if (!reader.take(0x3a)) return this.#endObject(named, speaksOfSecret, false);
        reader.space();
        const from = reader.at;
        if (ROWS.has(word) && columns.length > 0) this.#table = { columns, depth: this.#depth + 2 };
        well = NAMED.has(word) ? this.#provisional(name === "secret", named) : this.#value(name === "secret");
        this.#table = undefined;
        if (COLUMNS.has(word)) columns = secretColumns(reader.json.subarray(from, reader.at));
        const said: string | undefined = this.#string;
        if (said !== undefined && NAMING.has(word) && this.#names(said, SPOKEN.has(word))) speaksOfSecret = true;
        if (!well) return this.#endObject(named, speaksOfSecret, false);
        reader.space();
      } while (reader.take(0x2c));
      well = reader.take(0x7d);
    }
    return this.#endObject(named, speaksOfSecret, well);
  }

  #endObject(named: readonly Written[], speaksOfSecret: boolean, well: boolean): boolean {
    if (speaksOfSecret) for (const one of named.toReversed()) this.#takeBack(one);
    if (well) this.#depth--;
    // Whoever holds it is told what it speaks of.
    this.#string = speaksOfSecret ? SPEAKS_OF_SECRET : undefined;
    return well;
  }

  #array(): boolean {
    if (++this.#depth > MAX_DEPTH) return false;
    const reader = this.#reader;
    reader.at++;
    reader.space();
    let before: Kind;
    let named: Written[] = [];
    let count = 0;
    let well = true;
    if (!reader.take(0x5d)) {
      do {
        reader.space();
        const start = reader.at;
        count++;
        const wasName = before === "name";
        const isColumn = this.#table?.depth === this.#depth && this.#table.columns.includes(count - 1);
        const isSecret =
          isColumn || before === "flag" || before === "key" || (before === "letter" && !this.#isHarmless());
        well = wasName ? this.#provisional(false, named) : this.#value(isSecret);
        const said = reader.json[start] === 0x22 ? this.#string : undefined;
        // Only two that belong together, or what is no name itself.
        if (wasName && count > 2) {
          const [one] = named;
          const isName =
            said === undefined ? reader.json[start] === 0x22 && this.#isWord(start) : PLAIN_WORD.test(said);
          if (one && !isName) this.#takeBack(one);
          named = [];
        }
        before = before === "key" && !this.#endsKey(start) ? "key" : this.#kindOf(said ?? this.#option(start));
        if (!well) break;
        reader.space();
      } while (reader.take(0x2c));
      well &&= reader.take(0x5d);
    }
    const [one] = named;
    if (one && count === 2) this.#takeBack(one);
    if (well) this.#depth--;
    this.#string = undefined;
    return well;
  }

  /** What an element of an array says of the next one. */
  #kindOf(said: string | undefined): Kind {
    if (said === undefined) return undefined;
    if (LETTER.test(said)) return "letter";
    if (KEY_BEGINS.test(said)) return said.includes("-----END ") ? undefined : "key";
    if (!this.#names(said)) return undefined;
    return said.startsWith("-") ? "flag" : "name";
  }

  /** A short option, which needs no hint. */
  #option(start: number): string | undefined {
    const { json, at } = this.#reader;
    return json[start + 1] === 0x2d && at - start < 12 ? json.toString("latin1", start + 1, at - 1) : undefined;
  }

  #isHarmless(): boolean {
    const { json, at } = this.#reader;
    return HARMLESS.test(json.toString("latin1", at, at + 64));
  }

  #endsKey(start: number): boolean {
    return this.#reader.json.subarray(start, this.#reader.at).includes("-----END ");
  }

  #isWord(start: number): boolean {
    return PLAIN_WORD.test(this.#reader.json.toString("utf8", start + 1, this.#reader.at - 1));
  }

  #name(): "plain" | "secret" | "broken" {
    const reader = this.#reader;
    if (reader.byte !== 0x22) return "broken";
    const token = reader.string();
    if (!this.#isSuspect(token)) return "plain";
    const name = reader.decode(token);
    this.#replace(token.start, quote(this.#rules.redactName(name)));
    if (!token.closed) return "broken";
    return this.#rules.isSecretName(name) ? "secret" : "plain";
  }

  /** A name as it is spelled. */
  #raw(start: number, end: number): string {
    return this.#reader.json.toString("latin1", start + 1, end - 1).toLowerCase();
  }

  #names(text: string, spoken = false): boolean {
    return namesSecret(text, this.#rules.isSecretName, spoken);
  }

  #text(): boolean {
    const token = this.#reader.string();
    if (this.#isSuspect(token)) {
      this.#string = this.#reader.decode(token);
      this.#replace(token.start, quote(this.#redactString(this.#string)));
    }
    return token.closed;
  }

  /** A string often holds JSON again. */
  #redactString(text: string): string {
    if (/^\s*[[{]/.test(text)) {
      const inner = redactJson(Buffer.from(text), this.#rules);
      if (inner.kind !== "broken") return inner.text;
    }
    return this.#rules.redactText(text);
  }

  #isSuspect(token: Token): boolean {
    if (token.hinted) return true;
    const { isSuspect } = this.#rules;
    // What escapes hide, such as JSON within the string, is only seen when it is taken apart.
    return isSuspect !== undefined && (token.escaped || isSuspect(this.#reader.decode(token)));
  }

  #number(secret: boolean): boolean {
    const reader = this.#reader;
    const start = reader.at;
    const well = reader.number();
    if (!well && !reader.isOver) return false;
    const isSecret = secret || this.#rules.isSecretNumber(reader.json.toString("latin1", start, reader.at));
    if (isSecret) this.#replace(start, MARK_JSON);
    return well;
  }
}
