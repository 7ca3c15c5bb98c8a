export interface ScanLimits {
  /** Deepest nesting of objects and arrays. */
  readonly maxDepth: number;
  /** How many of the outermost levels of objects have their members noted. */
  readonly levels: number;
  /** Most members of one object that are noted: a splice copies the notes of them all. */
  readonly maxNoted: number;
  /** Most keys of all objects together: whoever parses the text makes a member of each. */
  readonly maxKeys: number;
  /** Most elements of all arrays together; an object or an array counts as {@link CONTAINER_COUNTS}. */
  readonly maxElements: number;
  /**
   * `checked`: every byte of every string (text of an agent, which a shared child will read).
   * `skipped`: long strings are jumped over natively (text of an upstream: large, and read by nobody but its agent).
   * Keys are always checked.
   */
  readonly strings: "checked" | "skipped";
  /** A key that occurs twice among noted members: refused where we route, else the last one counts, as in `JSON.parse`. */
  readonly duplicates: "refused" | "last_counts";
}

/** What an element costs that is an object or an array, where a number costs 1. */
export const CONTAINER_COUNTS = 8;
const MAX_DEPTH = 128;
const LEVELS = 3;
export const AGENT_TEXT: ScanLimits = {
  maxDepth: MAX_DEPTH,
  levels: LEVELS,
  maxNoted: 10_000,
  maxKeys: 50_000,
  maxElements: 800_000,
  strings: "checked",
  duplicates: "refused",
};
export const UPSTREAM_TEXT: ScanLimits = {
  ...AGENT_TEXT,
  maxKeys: Number.POSITIVE_INFINITY,
  maxElements: Number.POSITIVE_INFINITY,
  strings: "skipped",
};
/** Text that comes from nobody outside. */
export const OWN_TEXT: ScanLimits = {
  ...AGENT_TEXT,
  maxNoted: Number.POSITIVE_INFINITY,
  maxKeys: Number.POSITIVE_INFINITY,
  maxElements: Number.POSITIVE_INFINITY,
};
/** Part of a text that was scanned before. */
export const SCANNED_TEXT: ScanLimits = { ...OWN_TEXT, strings: "skipped", duplicates: "last_counts" };

/** Why a text was refused. `message` names the place, never the content. */
export class ScanError extends Error {
  readonly reason: "syntax" | "too_deep" | "too_many" | "duplicate_key";
  constructor(reason: ScanError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}
