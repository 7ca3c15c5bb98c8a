import { ANY_OBJECT, DEFINITION, FROM_AGENT, FROM_UPSTREAM, type Section } from "./sections.ts";

export interface ScanLimits {
  /** Deepest nesting of objects and arrays. */
  readonly maxDepth: number;
  /** What the object is whose text it is: which of its members are noted, and which keys must not be mistaken for them. */
  readonly section: Section;
  /** Most members of one object that are noted: a splice copies the notes of them all. */
  readonly maxNoted: number;
  /** Most keys of all objects together: whoever parses the text makes a member of each. */
  readonly maxKeys: number;
  /** Most elements of all arrays together; an object or an array counts as {@link CONTAINER_COUNTS}. */
  readonly maxElements: number;
  /**
   * A key that stands twice in one object. `refused`: in any of them, since what is read of it may differ from what was
   * judged (text of an agent). `refused_where_noted`: where we route, judge or rewrite. `last_counts`: as in `JSON.parse`.
   */
  readonly duplicates: "refused" | "refused_where_noted" | "last_counts";
}

/** What an element costs that is an object or an array, where a number costs 1. */
export const CONTAINER_COUNTS = 8;
const MAX_DEPTH = 128;

/** Text that an agent wrote: an object, or part of one. */
export const AGENT_TEXT: ScanLimits = {
  maxDepth: MAX_DEPTH,
  section: ANY_OBJECT,
  maxNoted: 10_000,
  maxKeys: 50_000,
  maxElements: 800_000,
  duplicates: "refused",
};
/** A message of an agent. */
export const AGENT_MESSAGE: ScanLimits = { ...AGENT_TEXT, section: FROM_AGENT };
/** Several messages of an agent, each of which is looked at by itself. */
export const AGENT_BATCH: ScanLimits = { ...AGENT_TEXT, duplicates: "last_counts" };
export const UPSTREAM_TEXT: ScanLimits = {
  ...AGENT_TEXT,
  maxKeys: Number.POSITIVE_INFINITY,
  maxElements: Number.POSITIVE_INFINITY,
  duplicates: "refused_where_noted",
};
/** A message of an upstream. */
export const UPSTREAM_MESSAGE: ScanLimits = { ...UPSTREAM_TEXT, section: FROM_UPSTREAM };
/** What an upstream says of itself or in a list, and is shown to every agent. */
export const SHOWN_TEXT: ScanLimits = { ...AGENT_TEXT, duplicates: "refused_where_noted" };
/** A definition in a list. */
export const DEFINITION_TEXT: ScanLimits = { ...SHOWN_TEXT, section: DEFINITION };
/** Text that comes from nobody outside. */
export const OWN_TEXT: ScanLimits = {
  ...UPSTREAM_TEXT,
  maxNoted: Number.POSITIVE_INFINITY,
};
/** Part of a text that was scanned before. */
export const SCANNED_TEXT: ScanLimits = { ...OWN_TEXT, duplicates: "last_counts" };

/** Why a text was refused. `message` names the place, never the content. */
export class ScanError extends Error {
  readonly reason: "syntax" | "too_deep" | "too_many" | "ambiguous";
  constructor(reason: ScanError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}
