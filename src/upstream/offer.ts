import type { CacheHint, Kind, Offer } from "../core/catalog.ts";
import type { UpstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import { cacheHintOf, NO_CACHING, strictest } from "../wire/caching.ts";
import { LIST_METHODS } from "../wire/methods.ts";
import type { Link } from "./link.ts";

/** How much one upstream may list before the rest is left out. */
const BUDGET = { pages: 1_000, bytes: 32 * 1024 * 1024, entries: 20_000, listTimeoutMs: 30_000 } as const;

export type OfferResult =
  | { readonly kind: "offer"; readonly offer: Offer; readonly problems: readonly string[] }
  | { readonly kind: "failed"; readonly detail: string };

interface Listed {
  readonly definitions: Payload[];
  readonly page: Payload | undefined;
  readonly hint?: CacheHint | undefined;
  readonly problem?: string;
}

export interface Fetching {
  readonly upstream: UpstreamName;
  readonly signal: AbortSignal;
  /** What is declared with each request; nothing by default. */
  readonly capabilities?: Payload | undefined;
}

/** Asks an upstream for everything it has: every list, every page. A list that fails leaves the others standing. */
export async function fetchOffer(link: Link, fetching: Fetching): Promise<OfferResult> {
  const definitions: Record<Kind, readonly Payload[]> = { tool: [], prompt: [], resource: [], template: [] };
  const pages: Record<Kind, Payload | undefined> = {
    tool: undefined,
    prompt: undefined,
    resource: undefined,
    template: undefined,
  };
  const hints: Record<Kind | "profile", CacheHint | undefined> = {
    ...{ tool: undefined, prompt: undefined, resource: undefined, template: undefined },
    profile: link.hint,
  };
  const problems: string[] = [];
  let failures = 0;
  let asked = 0;
  for (const [method, { kind, member, capability }] of LIST_METHODS) {
    if (!link.capabilities.has(capability)) continue;
    asked++;
    const listed = await listAll(link, { ...fetching, method, member });
    definitions[kind] = listed.definitions;
    pages[kind] = listed.page;
    hints[kind] = listed.hint;
    if (listed.problem) problems.push(listed.problem);
    if (listed.problem && !listed.page) failures++;
  }
  if (asked > 0 && failures === asked) return { kind: "failed", detail: problems.join("; ") };
  const { capabilities, serverInfo, instructions } = link;
  const offer: Offer = {
    upstream: fetching.upstream,
    capabilities,
    serverInfo,
    instructions,
    definitions,
    pages,
    hints,
  };
  return { kind: "offer", offer, problems };
}

interface Listing extends Pick<Fetching, "signal" | "capabilities"> {
  readonly method: string;
  readonly member: string;
}

async function listAll(link: Link, list: Listing): Promise<Listed> {
  const definitions: Payload[] = [];
  const seen = new Set<string>();
  const hints: (CacheHint | undefined)[] = [];
  let page: Payload | undefined;
  let cursor: string | undefined;
  let bytes = 0;
  for (let pages = 0; pages < BUDGET.pages && bytes < BUDGET.bytes; pages++) {
    const params = cursor === undefined ? EMPTY : Payload.of({ cursor });
    const { signal, capabilities } = list;
    const reply = await link.ask(list.method, params, { timeoutMs: BUDGET.listTimeoutMs, signal, capabilities });
    if (reply.kind === "failed") return { definitions, page, problem: `${list.method} failed: ${reply.detail}` };
    if (reply.kind === "error") {
      if (reply.error.raw("code")?.toString("latin1") === "-32601") return { definitions, page };
      return {
        definitions,
        page,
        problem: `${list.method} failed: ${reply.error.string("message") ?? "no reason given"}`,
      };
    }
    const entries = reply.result.list(list.member, BUDGET.entries - definitions.length + 1);
    if (!entries) return { definitions, page, problem: `${list.method} answered without "${list.member}"` };
    page ??= reply.result;
    hints.push(cacheHintOf(reply.result));
    bytes += reply.result.size;
    for (const entry of entries) definitions.push(entry);
    if (definitions.length > BUDGET.entries) {
      definitions.length = BUDGET.entries;
      return {
        ...{ definitions, page, hint: hintOf(hints) },
        problem: `${list.method} has more than ${BUDGET.entries} entries; the rest was left out`,
      };
    }
    cursor = reply.result.string("nextCursor");
    if (cursor === undefined) return { definitions, page, hint: hintOf(hints) };
    if (seen.has(cursor))
      return { definitions, page, problem: `${list.method} repeats a cursor; its pages were cut there` };
    seen.add(cursor);
  }
  return { definitions, page, problem: `${list.method} has more pages than are read; the rest was left out` };
}

/** Every page says its own; a whole is as fresh as the page that ages first. */
function hintOf(pages: readonly (CacheHint | undefined)[]): CacheHint | undefined {
  return pages.some(hint => hint) ? strictest(pages.map(hint => hint ?? NO_CACHING)) : undefined;
}

const EMPTY = Payload.of({});
