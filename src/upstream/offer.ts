import type { CacheHint, Kind, Offer } from "../core/catalog.ts";
import type { UpstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { cacheHintOf, NO_CACHING, strictest } from "../wire/caching.ts";
import { LIST_METHODS } from "../wire/methods.ts";
import type { Link } from "./link.ts";

/** How much one upstream may list before the rest is left out. */
const BUDGET = {
  ...{ pages: 1_000, bytes: 32 * 1024 * 1024, entries: 20_000 },
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
  readonly signal: AbortSignal;
  /** What is declared with each request; nothing by default. */
  readonly capabilities?: Payload | undefined;
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
  const perKind = <T>(read: (listed: Listed | undefined) => T): Record<Kind, T> => ({
    tool: read(byKind.get("tool")),
    prompt: read(byKind.get("prompt")),
    resource: read(byKind.get("resource")),
    template: read(byKind.get("template")),
  });
  const offer: Offer = {
    upstream: fetching.upstream,
    capabilities: link.capabilities.with(surprises),
    serverInfo: link.serverInfo,
    instructions: link.instructions,
    definitions: perKind(listed => listed?.definitions ?? []),
    pages: perKind(listed => listed?.page),
    hints: { ...perKind(listed => listed?.hint), profile: link.hint },
    unread: found.filter(({ listed }) => listed.isUnread).map(({ kind }) => kind),
  };
  return { kind: "offer", offer, problems, notes: silent };
}

/** Tools always; the rest where an upstream declares nothing that can be listed, and so perhaps just does not declare. */
function isWorthAsking(capability: string, declared: Payload): boolean {
  if (declared.has(capability)) return false;
  return capability === "tools" || ![...LIST_METHODS.values()].some(list => declared.has(list.capability));
}

const saidOf = ({ problem, page }: Listed): string =>
  problem ?? (page ? "its list of tools is empty" : "it knows no tools/list");

interface List extends Pick<Fetching, "signal" | "capabilities"> {
  readonly method: string;
  readonly member: string;
  /** For each page. */
  readonly timeoutMs: number;
}

async function listAll(link: Link, { method, member, timeoutMs, signal, capabilities }: List): Promise<Listed> {
  const definitions: Payload[] = [];
  const seen = new Set<string>();
  const hints: (CacheHint | undefined)[] = [];
  let page: Payload | undefined;
  let previous: readonly Payload[] | undefined;
  let cursor: string | undefined;
  let bytes = 0;
  for (let pages = 0; pages < BUDGET.pages && bytes < BUDGET.bytes; pages++) {
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
    const entries = result.given(member) ? result.list(member, BUDGET.entries - definitions.length + 1) : [];
    if (!entries) return { ...unread, problem: `${method} answered without a list in "${member}"` };
    // Servers that know no cursor of "" give their first page again.
    if (cursor === "" && previous && isSamePage(previous, entries)) return { definitions, page, hint: hintOf(hints) };
    previous = entries;
    page ??= result;
    hints.push(cacheHintOf(result));
    bytes += result.size;
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
    const isLast = cursor === undefined || (cursor === "" && link.era.emptyCursorEnds);
    if (cursor === undefined || isLast) return { definitions, page, hint: hintOf(hints) };
    if (seen.has(cursor)) return { definitions, page, problem: `${method} repeats a cursor; its pages were cut there` };
    seen.add(cursor);
  }
  return { definitions, page, problem: `${method} has more pages than are read; the rest was left out` };
}

const isSamePage = (before: readonly Payload[], after: readonly Payload[]): boolean =>
  before.length === after.length && before.every((entry, at) => entry.bytes.equals(after[at]!.bytes));

/** Every page says its own; a whole is as fresh as the page that ages first. */
function hintOf(pages: readonly (CacheHint | undefined)[]): CacheHint | undefined {
  return pages.some(hint => hint) ? strictest(pages.map(hint => hint ?? NO_CACHING)) : undefined;
}

const EMPTY = Payload.of({});
