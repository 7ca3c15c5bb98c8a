/** A URI template, ready to be compared with URIs. */
export interface TemplateMatcher {
  /** How many characters of the template are literal: the more, the more specific it is. */
  readonly literals: number;
  /** What every URI that fits begins with. */
  readonly prefix: string;
  /** Takes what it costs out of the effort; with none left, nothing matches. */
  matches(uri: string, effort: Effort): boolean;
}

/** What may still be spent, in characters of the URI that are looked at; below zero nobody knows what would match. */
export interface Effort {
  left: number;
}

/** What the templates of one upstream may cost for one URI: thousands of them that begin alike. */
export const EFFORT = 4_000_000;
/** What the templates and URIs of all may cost that are compared for one catalog. */
export const CATALOG_EFFORT = 4_000_000;
/** What it costs to see that a URI does not even begin like a template. */
const LOOK = 1;

const MAX_URI_LENGTH = 8192;
const MAX_TEMPLATE_LENGTH = 2048;

/** Piece of a template: literal text, or a stretch of characters other than those in `stops`, led in by `lead`. */
type Part =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "stretch"; readonly lead: string; readonly stops: string; readonly optional: boolean };

/** What each operator of RFC 6570 §3.2 can expand to. An undefined variable leaves nothing, not even the lead. */
const OPERATORS: Readonly<Record<string, Omit<Extract<Part, { kind: "stretch" }>, "kind">>> = {
  "": { lead: "", stops: "/?#", optional: false },
  "+": { lead: "", stops: "", optional: false },
  "#": { lead: "#", stops: "", optional: true },
  ".": { lead: ".", stops: "/?#", optional: true },
  "/": { lead: "/", stops: "/?#", optional: true },
  ";": { lead: ";", stops: "/?#", optional: true },
  "?": { lead: "?", stops: "#", optional: true },
  "&": { lead: "&", stops: "#", optional: true },
};

/** `undefined` when the text is no template that could match anything. */
export function compileTemplate(template: string): TemplateMatcher | undefined {
  if (template.length > MAX_TEMPLATE_LENGTH) return undefined;
  const parts: Part[] = [];
  let literals = 0;
  for (let at = 0; at < template.length; ) {
    if (template[at] !== "{") {
      const brace = template.indexOf("{", at);
      const text = template.slice(at, brace < 0 ? template.length : brace);
      literals += text.length;
      parts.push({ kind: "literal", text });
      at += text.length;
      continue;
    }
    const end = template.indexOf("}", at);
    if (end < 0) return undefined;
    const part = expression(template.slice(at + 1, end));
    if (!part) return undefined;
    parts.push(part);
    at = end + 1;
  }
  const [first, last] = [parts[0], parts.at(-1)];
  const prefix = first?.kind === "literal" ? first.text : "";
  const suffix = last?.kind === "literal" ? last.text : "";
  return {
    ...{ literals, prefix },
    matches(uri, effort) {
      effort.left -= LOOK;
      const mayFit = uri.length <= MAX_URI_LENGTH && uri.startsWith(prefix) && uri.endsWith(suffix);
      return mayFit && matchParts(parts, uri, effort);
    },
  };
}

/** Stands for anything, and is nobody's own text. */
const ANYTHING = "~0any9~";

/** URIs that fit a template and show what else would have to fit all that do; none when it is no template. */
export function sampleOf(template: string): readonly string[] {
  if (!compileTemplate(template)) return [];
  const expand = (within: string): string =>
    template.replaceAll(/\{([+#./;?&]?)[^{}]*\}/g, (_whole, operator: string) => {
      const { lead, stops } = OPERATORS[operator]!;
      return lead + (stops.includes("/") ? ANYTHING : within);
    });
  return [...new Set([expand(ANYTHING), expand(`${ANYTHING}/${ANYTHING}`)])];
}

function expression(text: string): Part | undefined {
  const operator = text[0] !== undefined && "+#./;?&".includes(text[0]) ? text[0] : "";
  const variables = text.slice(operator.length);
  if (variables === "" || variables.includes("{")) return undefined;
  const shape = OPERATORS[operator]!;
  // `{/path*}` expands to one segment per element.
  const exploded = operator === "/" && variables.includes("*");
  return { kind: "stretch", ...shape, stops: exploded ? "?#" : shape.stops };
}

/** Follows every way to match at once, position by position: no backtracking, whatever the template. */
function matchParts(parts: readonly Part[], uri: string, effort: Effort): boolean {
  if (effort.left < 0) return false;
  let reached = new Uint8Array(uri.length + 1);
  reached[0] = 1;
  for (const part of parts) {
    effort.left -= uri.length;
    if (effort.left < 0) return false;
    const next = new Uint8Array(uri.length + 1);
    const any =
      part.kind === "literal"
        ? stepLiteral(part.text, uri, { reached, next })
        : stepStretch(part, uri, { reached, next });
    if (!any) return false;
    reached = next;
  }
  return reached[uri.length] === 1;
}

interface Step {
  readonly reached: Uint8Array;
  readonly next: Uint8Array;
}

function stepLiteral(text: string, uri: string, { reached, next }: Step): boolean {
  let any = false;
  for (let at = 0; at + text.length <= uri.length; at++) {
    if (reached[at] === 1 && uri.startsWith(text, at)) {
      next[at + text.length] = 1;
      any = true;
    }
  }
  return any;
}

function stepStretch(part: Extract<Part, { kind: "stretch" }>, uri: string, { reached, next }: Step): boolean {
  let any = false;
  let inside = false;
  for (let at = 0; at <= uri.length; at++) {
    // A position behind the lead, or behind another character of the stretch.
    if (inside) next[at] = 1;
    if (part.optional && reached[at] === 1) next[at] = 1;
    if (next[at] === 1) any = true;
    const begins = part.lead === "" ? reached[at] === 1 : reached[at] === 1 && uri[at] === part.lead;
    const goesOn = at < uri.length && (part.stops === "" || !part.stops.includes(uri[at]!));
    inside = begins ? part.lead !== "" || goesOn : inside && goesOn;
  }
  return any;
}
