import type { Hints } from "./hints.ts";
import { MARK } from "./sensitive.ts";

/** What a walk over JSON text does about its strings. */
export interface JsonRules {
  readonly hints: Hints;
  /** Tells of a string without a hint whether it must be looked at all the same; absent when hints suffice. */
  readonly isSuspect: ((text: string) => boolean) | undefined;
  isSecretName(name: string): boolean;
  redactName(name: string): string;
  redactText(text: string): string;
  /** Whether a number, as it is spelled, is secret. */
  isSecretNumber(number: string): boolean;
}

/**
 * - `whole`: well-formed; `text` is well-formed too, on one line, with every secret value replaced.
 * - `cut`: ends too early; `text` is what there is of it, with every secret value replaced.
 * - `broken`: not JSON.
 */
export type RedactedJson = { readonly kind: "whole" | "cut"; readonly text: string } | { readonly kind: "broken" };

export function redactJson(json: Buffer, rules: JsonRules): RedactedJson {
  return new Walk(json, rules).run();
}

/** A JSON string as a member of a line: nothing in it ends the line for any reader. */
export const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const MAX_DEPTH = 128;
const MARK_JSON = `"${MARK}"`;
/** An environment variable or header as a pair of members: `{"name":"API_KEY","value":"…"}`. */
const NAMING = new Set(["name", "key", "header", "field", "variable"]);
const NAMED = new Set(["value", "val"]);
const SINGLE_NAME = /^[\w.-]{1,64}$/;

class Walk {
  readonly #json: Buffer;
  readonly #rules: JsonRules;
  #at = 0;
  #depth = 0;
  #copied = 0;
  #out = "";
  #lineBreak = false;
  /** Of the string read last: what it says, where it was looked at. */
  #string: string | undefined;

  constructor(json: Buffer, rules: JsonRules) {
    this.#json = json;
    this.#rules = rules;
  }

  run(): RedactedJson {
    const whole = this.#space() && this.#value(false) && this.#space() && this.#at === this.#json.length;
    if (!whole && this.#at < this.#json.length) return { kind: "broken" };
    this.#copyTo(this.#json.length);
    const text = this.#lineBreak ? this.#out.replace(/[\r\n]+[ \t\r\n]*/g, " ") : this.#out;
    return { kind: whole ? "whole" : "cut", text };
  }

  #copyTo(end: number): void {
    if (end > this.#copied) this.#out += this.#json.toString("utf8", this.#copied, end);
    this.#copied = end;
  }

  #replace(start: number, text: string): void {
    this.#copyTo(start);
    this.#out += text;
    this.#copied = this.#at;
  }

  /** Always true, for chains of conditions. */
  #space(): true {
    for (;;) {
      const byte = this.#json[this.#at];
      if (byte === 0x0a || byte === 0x0d) this.#lineBreak = true;
      else if (byte !== 0x20 && byte !== 0x09) return true;
      this.#at++;
    }
  }

  #take(byte: number): boolean {
    if (this.#json[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** Every reader returns false where the text is not what it must be; at its end, it was cut. */
  #value(secret: boolean): boolean {
    this.#string = undefined;
    const byte = this.#json[this.#at];
    if (secret) return this.#secret(byte);
    if (byte === 0x22) return this.#text();
    if (byte === 0x7b) return this.#object();
    if (byte === 0x5b) return this.#array();
    return byte === 0x2d || isDigit(byte) ? this.#number(false) : this.#literal(byte);
  }

  /** A value to be replaced; `true`, `false` and `null` are no secrets. */
  #secret(byte: number | undefined): boolean {
    const start = this.#at;
    if (byte === 0x2d || isDigit(byte)) return this.#number(true);
    if (byte === 0x74 || byte === 0x66 || byte === 0x6e) return this.#literal(byte);
    const out = this.#out;
    const copied = this.#copied;
    const well =
      byte === 0x22 ? this.#skipString().closed : byte === 0x7b ? this.#object() : byte === 0x5b && this.#array();
    if (!well && this.#at < this.#json.length) return false;
    this.#out = out;
    this.#copied = copied;
    if (this.#at > start) this.#replace(start, MARK_JSON);
    return well;
  }

  #object(): boolean {
    if (++this.#depth > MAX_DEPTH) return false;
    this.#at++;
    this.#space();
    let named = false;
    if (!this.#take(0x7d)) {
      do {
        this.#space();
        const start = this.#at;
        const name = this.#name();
        if (name === "broken") return false;
        const end = this.#at;
        this.#space();
        if (!this.#take(0x3a)) return false;
        this.#space();
        if (!this.#value(name === "secret" || (named && NAMED.has(this.#raw(start, end))))) return false;
        const said: string | undefined = this.#string;
        if (said !== undefined && this.#names(said)) named = NAMING.has(this.#raw(start, end));
        this.#space();
      } while (this.#take(0x2c));
      if (!this.#take(0x7d)) return false;
    }
    this.#depth--;
    this.#string = undefined;
    return true;
  }

  #array(): boolean {
    if (++this.#depth > MAX_DEPTH) return false;
    this.#at++;
    this.#space();
    let afterFlag = false;
    if (!this.#take(0x5d)) {
      do {
        this.#space();
        if (!this.#value(afterFlag)) return false;
        const said: string | undefined = this.#string;
        afterFlag = said?.startsWith("-") === true && this.#names(said);
        this.#space();
      } while (this.#take(0x2c));
      if (!this.#take(0x5d)) return false;
    }
    this.#depth--;
    this.#string = undefined;
    return true;
  }

  #name(): "plain" | "secret" | "broken" {
    const start = this.#at;
    if (this.#json[start] !== 0x22) return "broken";
    const token = this.#skipString();
    if (!this.#isSuspect(start, token)) return "plain";
    const name = this.#decode(start, this.#at, token);
    this.#replace(start, quote(this.#rules.redactName(name)));
    if (!token.closed) return "broken";
    return this.#rules.isSecretName(name) ? "secret" : "plain";
  }

  /** A name as it is spelled. */
  #raw(start: number, end: number): string {
    return this.#json.toString("latin1", start + 1, end - 1).toLowerCase();
  }

  #names(text: string): boolean {
    return SINGLE_NAME.test(text) && this.#rules.isSecretName(text);
  }

  #text(): boolean {
    const start = this.#at;
    const token = this.#skipString();
    if (this.#isSuspect(start, token)) {
      this.#string = this.#decode(start, this.#at, token);
      this.#replace(start, quote(this.#redactString(this.#string)));
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

  #skipString(): Token {
    const json = this.#json;
    const { next, found } = this.#rules.hints;
    let state = 0;
    let escaped = false;
    let at = this.#at + 1;
    for (; at < json.length; at++) {
      const byte = json[at] as number;
      if (byte === 0x22) break;
      if (byte === 0x5c) {
        escaped = true;
        at++;
        if (state !== found) state = SIMPLE_ESCAPES.has(json[at] ?? 0) ? 0 : found;
      } else state = next[state | byte] as number;
    }
    const closed = at < json.length;
    this.#at = Math.min(at + 1, json.length);
    return { closed, escaped, hinted: state === found || !closed };
  }

  #isSuspect(start: number, token: Token): boolean {
    if (token.hinted) return true;
    const { isSuspect } = this.#rules;
    // What escapes hide, such as JSON within the string, is only seen when it is taken apart.
    return isSuspect !== undefined && (token.escaped || isSuspect(this.#decode(start, this.#at, token)));
  }

  #decode(start: number, end: number, { closed, escaped }: Token): string {
    const raw = this.#json.toString("utf8", start + 1, closed ? end - 1 : end);
    if (!escaped) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      // A bare control character or a bad escape: the text as it is spelled is the best reading there is.
      return raw;
    }
  }

  #number(secret: boolean): boolean {
    const start = this.#at;
    this.#take(0x2d);
    const well = (this.#take(0x30) || this.#digits()) && this.#fraction() && this.#exponent();
    if (!well && this.#at < this.#json.length) return false;
    const isSecret = secret || this.#rules.isSecretNumber(this.#json.toString("latin1", start, this.#at));
    if (isSecret) this.#replace(start, MARK_JSON);
    return well;
  }

  #fraction(): boolean {
    return !this.#take(0x2e) || this.#digits();
  }

  #exponent(): boolean {
    if (!this.#take(0x65) && !this.#take(0x45)) return true;
    if (!this.#take(0x2b)) this.#take(0x2d);
    return this.#digits();
  }

  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#json[this.#at])) this.#at++;
    return this.#at > start;
  }

  #literal(byte: number | undefined): boolean {
    for (const expected of byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null") {
      if (!this.#take(expected.charCodeAt(0))) return false;
    }
    return true;
  }
}

interface Token {
  readonly closed: boolean;
  readonly escaped: boolean;
  readonly hinted: boolean;
}

const SIMPLE_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
