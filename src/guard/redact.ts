import { hash } from "node:crypto";
import type { KnownSecrets } from "../core/secrets/known-secrets.ts";
import { cleanTest, PLACES } from "./clean-json.ts";
import { createHints } from "./hints.ts";
import { IN_RUN, LONG_RUN, quote } from "./json-reader.ts";
import type { JsonRules } from "./json-shapes.ts";
import { compilePatterns } from "./patterns.ts";
import { redactJson, redactJsonAt } from "./redact-json.ts";
import { textRedactor } from "./redact-text.ts";
import { isSecretName } from "./secret-names.ts";
import { HINTS, redactShapes } from "./sensitive.ts";

declare const brand: unique symbol;
/** Text without secrets, the only kind that logs accept. Made by a {@link Redactor}, or put together from such text. */
export type Redacted = string & { readonly [brand]: "redacted" };

export interface Redactor {
  /**
   * JSON text as a value for a line of JSON: itself without secrets where it is well-formed and at most `maxBytes` long,
   * otherwise `{"head":"…","bytes":n,"sha256":"…"}`, with the hash of all of the original, where that is at most 64 KiB
   * long. `isScanned`: it is known to be well-formed.
   */
  json(text: Buffer | string, options: { readonly maxBytes: number; readonly isScanned?: boolean }): Redacted;
  /** Any text without its secrets; what is longer than 16 KiB is cut. */
  text(text: string): Redacted;
  /** A string from outside as a JSON string for a line of JSON, without secrets and at most `maxLength` long. */
  quoted(text: string, maxLength: number): Redacted;
}

/** Too short for a credential that is known by its shape. */
const SIMPLE_NAME = /^[\w.-]{0,14}$/;
/** Has room for a name and a value of its own. */
const SENTENCE = /[^\w.-]/;
const JSON_BEGINS = /[[{]\s{0,16}["[{]/g;
/** What is no JSON after all has been read for nothing. */
const MOST_TRIES = 8;
const MAX_TEXT = 16 * 1024;
/** A log line is no archive, and neither patterns nor hashing must hold up the process for long. */
const MAX_JSON_BYTES = 64 * 1024;
/** How much more than will be shown is read, so that a secret at the edge is recognised before it is cut. */
const MARGIN = 1024;
/** How much is read for secrets that are known, which may be long, in several spellings longer still. */
const HIDE_MARGIN = 64 * 1024;
/** How much is not shown at the end of what was read, where a secret may have been cut before it was recognised. */
const EDGE = 256;

/** Of how many names, and how long ones, it is remembered how they stand in a line. */
const MOST_NAMES = 500;
const LONGEST_NAME = 256;

/** What is secret whatever it looks like and wherever it stands. */
type Known = Pick<KnownSecrets, "learned" | "hide" | "hideInJson">;
const NOTHING_KNOWN: Known = { learned: 0, hide: text => text, hideInJson: json => json };

/**
 * Redacts what is known, then by built-in rules and by `patterns` (RE2 syntax, any case; throws for others). Stateless
 * between calls.
 */
export function createRedactor(patterns: readonly string[], known: Known = NOTHING_KNOWN): Redactor {
  const own = compilePatterns(patterns);
  const redactPlain = textRedactor(own);
  const redactText = (text: string): string => redactPlain(withoutJson(text, rules));
  const redactBuiltIn = textRedactor(compilePatterns([]));
  const rules: JsonRules = {
    hints: createHints([...HINTS, ...PLACES, ...(own.literals ?? [])]),
    isSuspect: own.literals ? undefined : own.matches,
    isSecretName: name => isSecretName(name) || own.matches(name),
    // A pattern that matches a name with a digit in it describes secrets rather than names.
    redactName: name => {
      const plain = SIMPLE_NAME.test(name) ? name : SENTENCE.test(name) ? redactBuiltIn(name) : redactShapes(name);
      return /\d/.test(name) ? own.redact(plain) : plain;
    },
    redactText,
    isSecretNumber: own.matches,
  };

  /** Before anything is cut, so that no part of a secret is left. */
  const hidden = (text: string, maxLength: number): string =>
    known.hide(text.length <= maxLength ? text : text.slice(0, maxLength + HIDE_MARGIN));

  const window = (text: string, maxLength: number): string => {
    if (text.length <= maxLength) return redactText(text);
    const isCut = text.length > maxLength + MARGIN;
    const shown = redactText(isCut ? text.slice(0, lastBreak(text, maxLength + MARGIN)) : text);
    return `${shown.slice(0, shownLength(shown.length, maxLength, isCut))}…`;
  };

  const isClean = cleanTest(rules);

  const head = (bytes: Buffer, maxBytes: number, isScanned: boolean): string => {
    const isCut = bytes.length > maxBytes + MARGIN;
    const end = isCut ? lastQuoteOrBlank(bytes, maxBytes + MARGIN) : bytes.length;
    if (isScanned && isClean(bytes, end)) return bytes.toString("latin1", 0, shownLength(end, maxBytes, isCut));
    const read = bytes.subarray(0, end);
    const walked = redactJson(read, rules);
    const shown = walked.kind === "broken" ? redactText(read.toString("utf8")) : walked.text;
    return shown.slice(0, shownLength(shown.length, maxBytes, isCut));
  };

  const quoted = (text: string, maxLength: number): Redacted => {
    const clear = hidden(text, maxLength);
    const isShown = clear.length <= maxLength && isPlain(clear, rules);
    return (isShown ? JSON.stringify(clear) : quote(window(clear, maxLength))) as Redacted;
  };

  return {
    json(text, options) {
      const bytes = typeof text === "string" ? Buffer.from(text) : text;
      const maxBytes = Math.min(options.maxBytes, MAX_JSON_BYTES);
      const clear = known.hideInJson(bytes.length <= maxBytes ? bytes : bytes.subarray(0, maxBytes + HIDE_MARGIN));
      const { isScanned = false } = options;
      if (bytes.length <= maxBytes) {
        if (isScanned && isClean(clear, clear.length)) return clear.toString("latin1", 0, clear.length) as Redacted;
        const walked = redactJson(clear, rules);
        if (walked.kind === "whole") return walked.text as Redacted;
      }
      const digest = bytes.length <= MAX_JSON_BYTES ? `,"sha256":"${hash("sha256", bytes, "hex")}"` : "";
      const shown = quote(head(clear, maxBytes, isScanned));
      return `{"head":${shown},"bytes":${bytes.length}${digest}}` as Redacted;
    },
    text: text => window(hidden(text, MAX_TEXT), MAX_TEXT) as Redacted,
    quoted: remembering(quoted, known),
  };
}

/** JSON in the middle of a text is read as JSON, before the text is read as text. */
function withoutJson(text: string, rules: JsonRules): string {
  let out = "";
  let from = 0;
  let tries = 0;
  for (const { index } of text.matchAll(JSON_BEGINS)) {
    if (index < from) continue;
    if (++tries > MOST_TRIES) break;
    const rest = Buffer.from(text.slice(index));
    const found = redactJsonAt(rest, rules);
    if (!found) continue;
    out += text.slice(from, index) + found.text;
    from = index + rest.toString("utf8", 0, found.end).length;
  }
  return out + text.slice(from);
}

/** Whether a short text has nothing to remove nor to escape beyond what JSON does: most names are such. */
function isPlain(text: string, rules: JsonRules): boolean {
  const { next, found } = rules.hints;
  let state = 0;
  let run = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7e || code === 0x5c) return false;
    state = next[state | code] as number;
    run = (run + 1) * (IN_RUN[code] as number);
    if (run >= LONG_RUN) return false;
  }
  return state !== found && !rules.isSuspect?.(text);
}

/** Keeps how names stand in a line: the same few come in every one. */
function remembering(quoted: Redactor["quoted"], known: Known): Redactor["quoted"] {
  const before = new Map<string, Redacted>();
  let learned = known.learned;
  return (text, maxLength) => {
    if (text.length > maxLength || text.length > LONGEST_NAME) return quoted(text, maxLength);
    if (learned !== known.learned || before.size >= MOST_NAMES) {
      learned = known.learned;
      before.clear();
    }
    const kept = before.get(text);
    if (kept !== undefined) return kept;
    const line = quoted(text, maxLength);
    before.set(text, line);
    return line;
  };
}

const shownLength = (length: number, max: number, isCut: boolean): number =>
  isCut ? Math.max(0, Math.min(max, length - EDGE)) : max;

/** Where the last whole word before `limit` ends. */
function lastBreak(text: string, limit: number): number {
  let at = limit;
  while (at > 0 && !/[\s"']/.test(text[at] ?? "")) at--;
  return at;
}

/** Where the last whole word before `limit` ends, and never within an escape. */
function lastQuoteOrBlank(json: Buffer, limit: number): number {
  let at = limit;
  while (at > 0 && json[at] !== 0x22 && (json[at] ?? 0) > 0x20) at--;
  while (at > 0 && json[at - 1] === 0x5c) at--;
  return at;
}
