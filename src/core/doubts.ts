import { decodeString } from "./json-tokens.ts";
import type { Members } from "./members.ts";
import type { Section } from "./sections.ts";

/** A key of which two readers could make different things. */
export interface Doubt {
  readonly section: Section;
  readonly kind: "twin" | "duplicate";
  /** The member that it could be taken for: one of the section's names; `undefined` where it means nothing to us. */
  readonly member: string | undefined;
  /** For whoever sent it: which key, and where. */
  readonly message: string;
}

/** Where a key stands. */
export interface KeyPlace {
  readonly section: Section;
  readonly start: number;
  readonly end: number;
  /** The members of its object, once they are all read. */
  readonly among: Members | undefined;
}

/** Gathers the doubts about one text. */
export class Doubts {
  readonly #text: Buffer;
  readonly #found: Doubt[] = [];
  /** The objects in which those keys stand that only matter next to what they could be taken for. */
  readonly #beside = new Map<Doubt, Members>();

  constructor(text: Buffer) {
    this.#text = text;
  }

  /** One doubt of each kind says enough: whoever sends very many must not have a text made for each. */
  has(kind: Doubt["kind"], member: string | undefined, section: Section): boolean {
    for (const other of this.#found) {
      if (other.section === section && other.kind === kind && other.member === member) return true;
    }
    return false;
  }

  add(kind: Doubt["kind"], member: string | undefined, { section, start, end, among }: KeyPlace): void {
    const shown = shownKey(decodeString(this.#text, start, end));
    const what = kind === "twin" ? couldBe(shown, member ?? "") : `${shown} stands twice in one object`;
    const doubt: Doubt = { section, kind, member, message: `${section.name}: the key ${what} (byte ${start})` };
    this.#found.push(doubt);
    if (kind === "twin" && among && section.refused === "beside") this.#beside.set(doubt, among);
  }

  /** Those that stay when all is read. */
  lasting(): readonly Doubt[] {
    return this.#found.filter(doubt => this.#beside.get(doubt)?.has(doubt.member ?? "") !== false);
  }
}

const SHOWN_CHARACTERS = 60;

/** So that a look-alike does not look like what it is taken for. */
export const shownKey = (key: string): string =>
  JSON.stringify(key.slice(0, SHOWN_CHARACTERS)).replace(
    /[\x7f-\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const couldBe = (key: string, member: string): string =>
  `${key} is taken for "${member}" by some servers and not by others; write "${member}", or leave it out`;
