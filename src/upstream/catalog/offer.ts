import type { CacheHint, Kind, Offer } from "../../core/catalog.ts";
import { elementsOf } from "../../core/elements.ts";
import { OPEN_ARRAY, OPEN_OBJECT } from "../../core/json-tokens.ts";
import type { UpstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { SCANNED_TEXT, ScanError } from "../../core/scan-limits.ts";
import type { Signal } from "../../core/signal.ts";
import { createSlices } from "../../lib/slices.ts";
import { cacheHintOf, NO_CACHING, strictest } from "../../wire/caching.ts";
import { LIST_METHODS } from "../../wire/methods.ts";
import type { Link } from "../conversation/link.ts";

/** How much one upstream may list before the rest is left out. */
const BUDGET = {
  ...{ pages: 1_000, bytes: 32 * 1024 * 1024, entries: 20_000 },
  ...{ cursorLength: 64 * 1024, allPagesMs: 120_000 },
  listTimeoutMs: 30_000,
  /** Whoever declares no such list and does not answer is not waited for. */
  undeclaredTimeoutMs: 1_000,
} as const;

export type OfferResult =
  | {
      readonly kind: "offer";
      readonly offer: Offer;
      readonly problems: readonly string[];
      /** What its operator might wonder about, though nothing is wrong. */
      readonly notes: readonly string[];
    }
  | { readonly kind: "failed"; readonly detail: string };

interface Listed {
  readonly definitions: Payload[];
  readonly page: Payload | undefined;
  readonly hint?: CacheHint | undefined;
  readonly problem?: string;
  /** Whether it ended before its end because something failed. */
  readonly isUnread?: boolean;
}

export interface Fetching {
  readonly upstream: UpstreamName;
  readonly signal: Signal;
  /** What is declared with each request; nothing by default. */
  readonly capabilities?: Payload | undefined;
  /** How much of each list may be kept, in bytes. */
  readonly mostBytes?: number;
}

interface ListedKind {
  readonly kind: Kind;
  readonly listed: Listed;
}

/**
 * Asks an upstream for everything it has: every list, every page. A list that fails leaves the others standing. Lists that
 * the upstream does not declare are asked for as well, for a short time: clients of one server alone do so, too.
 */
export async function fetchOffer(link: Link, fetching: Fetching): Promise<OfferResult> {
  const lists = [...LIST_METHODS].map(([method, list]) => ({ method, ...list, ...fetching }));
  const undeclared = lists.filter(({ capability }) => isWorthAsking(capability, link.capabilities));
  const beside = undeclared.map(list => listAll(link, { ...list, timeoutMs: BUDGET.undeclaredTimeoutMs }));
  const problems: string[] = [];
  const found: ListedKind[] = [];
  for (const list of lists) {
    if (!link.capabilities.has(list.capability)) continue;
    const listed = await listAll(link, { ...list, timeoutMs: BUDGET.listTimeoutMs });
    found.push({ ...list, listed });
    if (listed.problem) problems.push(listed.problem);
  }
  if (found.length > 0 && found.every(({ listed }) => listed.problem && !listed.page)) {
    return { kind: "failed", detail: problems.join("; ") };
  }
  const silent: string[] = [];
  const surprises: Record<string, string> = {};
  for (const [at, listed] of (await Promise.all(beside)).entries()) {
    const list = undeclared[at]!;
    if (listed.definitions.length > 0) {
      found.push({ ...list, listed });
      surprises[list.capability] = "{}";
    } else if (list.kind === "tool") silent.push(`it declares no tools, and ${saidOf(listed)}`);
  }
  const byKind = new Map(found.map(({ kind, listed }) => [kind, listed]));
  const about = aboutOf(link, problems);
  const perKind = <T>(read: (listed: Listed | undefined) => T): Record<Kind, T> => ({
    tool: read(byKind.get("tool")),
    prompt: read(byKind.get("prompt")),
    resource: read(byKind.get("resource")),
    template: read(byKind.get("template")),
  });
  const offer: Offer = {
    upstream: fetching.upstream,
    ...about,
    capabilities: about.capabilities.with(surprises),
    definitions: perKind(listed => listed?.definitions ?? []),
    pages: perKind(listed => listed?.page),
    hints: { ...perKind(listed => listed?.hint), profile: link.hint },
    unread: found.filter(({ listed }) => listed.isUnread).map(({ kind }) => kind),
  };
  return { kind: "offer", offer, problems, notes: silent };
}

/** What an upstream says of itself goes to every agent, each time. */
const MOST_ABOUT = 64 * 1024;

function aboutOf(link: Link, problems: string[]): Pick<Offer, "capabilities" | "serverInfo" | "instructions"> {
  const { serverInfo, instructions } = link;
  let { capabilities } = link;
  const leftOut = (what: string): undefined => {
    problems.push(`its ${what} is more than ${MOST_ABOUT} bytes and was left out`);
    return undefined;
  };
  const isLong = capabilities.size > MOST_ABOUT;
  if (isLong) {
    leftOut("list of what it can do, as far as no revision knows it,");
    const known = new Map(KNOWN_CAPABILITIES.map(key => [key, capabilities.raw(key)]));
    const short = [...known].filter(([, value]) => value !== undefined && value.length <= MOST_ABOUT / 8);
    capabilities = Payload.of({}).with(Object.fromEntries(short));
  }
  return {
    capabilities,
    serverInfo: serverInfo && serverInfo.size > MOST_ABOUT ? leftOut("description of itself") : serverInfo,
    instructions: instructions && instructions.length > MOST_ABOUT ? leftOut("text of instructions") : instructions,
  };
}

const KNOWN_CAPABILITIES = ["tools", "prompts", "resources", "completions", "logging", "tasks"];

/** The first page's other members: its list is kept as definitions. */
const bare = (page: Payload, member: string): Payload => page.with({ [member]: "[]" });

/** Tools always; the rest where an upstream declares nothing that can be listed, and so perhaps just does not declare. */
function isWorthAsking(capability: string, declared: Payload): boolean {
  if (declared.has(capability)) return false;
  return capability === "tools" || ![...LIST_METHODS.values()].some(list => declared.has(list.capability));
}

const saidOf = ({ problem, page }: Listed): string =>
  problem ?? (page ? "its list of tools is empty" : "it knows no tools/list");

interface List extends Pick<Fetching, "signal" | "capabilities" | "mostBytes"> {
  readonly method: string;
  readonly member: string;
  /** For each page. */
  readonly timeoutMs: number;
}

async function listAll(link: Link, list: List): Promise<Listed> {
  const dropped = { count: 0 };
  const listed = await readPages(link, list, dropped);
  if (dropped.count === 0) return listed;
  const lost = `${list.method}: ${dropped.count} too large or too wide (${MOST_ENTRY_BYTES} bytes, ${ENTRY_TEXT.maxNoted} members) left out`;
  return { ...listed, problem: listed.problem === undefined ? lost : `${listed.problem}; ${lost}` };
}

async function readPages(link: Link, list: List, dropped: { count: number }): Promise<Listed> {
  const { method, member, timeoutMs, signal, capabilities } = list;
  const mostBytes = Math.min(list.mostBytes ?? BUDGET.bytes, BUDGET.bytes);
  const definitions: Payload[] = [];
  const seen = new Set<string>();
  const hints: (CacheHint | undefined)[] = [];
  let page: Payload | undefined;
  let previous: readonly Payload[] | undefined;
  let cursor: string | undefined;
  let bytes = 0;
  const until = performance.now() + BUDGET.allPagesMs;
  for (let pages = 0; pages < BUDGET.pages && bytes < mostBytes && performance.now() < until; pages++) {
    const params = cursor === undefined ? EMPTY : Payload.of({ cursor });
    const reply = await link.ask(method, params, { timeoutMs, signal, capabilities });
    const unread = { definitions, page, isUnread: true };
    if (reply.kind === "failed") return { ...unread, problem: `${method} failed: ${reply.detail}` };
    if (reply.kind === "error") {
      if (reply.error.raw("code")?.toString("latin1") === "-32601") return { definitions, page };
      return { ...unread, problem: `${method} failed: ${reply.error.string("message") ?? "no reason given"}` };
    }
    const { result } = reply;
    // An empty list is `null` in some languages, and left out in others.
    const found = await entriesIn(result, member, BUDGET.entries - definitions.length + 1);
    if (!found) return { ...unread, problem: `${method} answered without a list in "${member}"` };
    const { entries } = found;
    dropped.count += found.leftOut;
    // Servers that know no cursor of "" give their first page again.
    if (cursor === "" && previous && isSamePage(previous, entries)) return { definitions, page, hint: hintOf(hints) };
    previous = entries;
    page ??= bare(result, member);
    hints.push(cacheHintOf(result));
    bytes += result.size;
    if (bytes > mostBytes) {
      const problem = `${method} takes more than ${mostBytes} bytes; the rest was left out`;
      return { definitions, page, hint: hintOf(hints), problem };
    }
    for (const entry of entries) definitions.push(entry);
    if (definitions.length > BUDGET.entries) {
      definitions.length = BUDGET.entries;
      return {
        ...{ definitions, page, hint: hintOf(hints) },
        problem: `${method} has more than ${BUDGET.entries} entries; the rest was left out`,
      };
    }
    cursor = result.string("nextCursor");
    if (cursor === undefined && result.given("nextCursor")) {
      return { definitions, page, problem: `${method} has a nextCursor that is no text; its pages were cut there` };
    }
    if (cursor !== undefined && cursor.length > BUDGET.cursorLength) {
      return { definitions, page, problem: `${method} has a nextCursor that is too long; its pages were cut there` };
    }
    const isLast = cursor === undefined || (cursor === "" && link.era.emptyCursorEnds);
    if (cursor === undefined || isLast) return { definitions, page, hint: hintOf(hints) };
    if (seen.has(cursor)) return { definitions, page, problem: `${method} repeats a cursor; its pages were cut there` };
    seen.add(cursor);
  }
  return { definitions, page, problem: `${method} has more pages than are read; the rest was left out` };
}

interface Page {
  readonly entries: Payload[];
  /** Definitions that are too large or too wide for anybody to look at. */
  readonly leftOut: number;
}

/** The definitions on a page, taken out in slices; `undefined` where there is no list. */
async function entriesIn(page: Payload, member: string, most: number): Promise<Page | undefined> {
  const raw = page.given(member) ? page.raw(member)! : EMPTY_LIST;
  if (raw[0] !== OPEN_ARRAY) return undefined;
  const slices = createSlices(() => performance.now());
  const entries: Payload[] = [];
  let [looked, leftOut] = [0, 0];
  for (const element of elementsOf(raw)) {
    const entry = element?.[0] === OPEN_OBJECT ? entryIn(element) : undefined;
    if (entry) entries.push(entry);
    else if (element?.[0] === OPEN_OBJECT) leftOut++;
    if (entries.length >= most) break;
    if (++looked > MOST_ELEMENTS) {
      leftOut++;
      break;
    }
    await slices.rest();
  }
  return { entries, leftOut };
}

function entryIn(element: Buffer): Payload | undefined {
  if (element.length > MOST_ENTRY_BYTES) return undefined;
  try {
    return Payload.parse(element, ENTRY_TEXT);
  } catch (error) {
    if (error instanceof ScanError) return undefined;
    throw error;
  }
}

const EMPTY_LIST = Buffer.from("[]");
/** Of a page, such as are no definitions included. */
const MOST_ELEMENTS = 100_000;
const MOST_ENTRY_BYTES = 1024 * 1024;
/** Of an upstream's own members no more than are routed on. */
const ENTRY_TEXT = { ...SCANNED_TEXT, maxNoted: 10_000 };

const isSamePage = (before: readonly Payload[], after: readonly Payload[]): boolean =>
  before.length === after.length && before.every((entry, at) => entry.bytes.equals(after[at]!.bytes));

/** Every page says its own; a whole is as fresh as the page that ages first. */
function hintOf(pages: readonly (CacheHint | undefined)[]): CacheHint | undefined {
  return pages.some(hint => hint) ? strictest(pages.map(hint => hint ?? NO_CACHING)) : undefined;
}

const EMPTY = Payload.of({});
