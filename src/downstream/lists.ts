import type { CacheHint, Catalog } from "../core/catalog.ts";
import type { Front, ViewQueries } from "../core/front.ts";
import { Payload } from "../core/payload.ts";
import type { SealContext, Sealer } from "../core/ports.ts";
import { NO_CACHING } from "../wire/caching.ts";
import type { AgentEra, CallAnswer } from "../wire/era.ts";
import type { ListMethod } from "../wire/methods.ts";
import { MISSING, withoutOwnMeta } from "../wire/own-words.ts";
import { CODES, wireError } from "../wire/rpc-errors.ts";
import type { Agent } from "./agent.ts";

/** How long a list, or a name that is not known, waits for upstreams that have never been seen. */
export const FIRST_WAIT_MS = 1_000;

/**
 * How many bytes of definitions of the merged catalog go into one page, since many clients ask for no second one. A view
 * of one upstream is one page, as native as it can be.
 */
export const PAGE_BYTES = 8 * 1024 * 1024;
const CURSOR_LIFE_MS = 10 * 60_000;

/** A page is the same for everybody who sees the same snapshot, so its text is made once; it goes with the snapshot. */
const PAGES = new WeakMap<Catalog, Map<string, Page>>();

interface Page {
  readonly result: Payload;
  /** Where the next page begins; `undefined` where there is none. */
  readonly next: number | undefined;
}

/** Answers a request for a list from the catalog. */
export async function answerList(
  { sealer }: Pick<Front, "sealer">,
  agent: Pick<Agent, "caller" | "era" | "view">,
  what: { queries: ViewQueries; list: ListMethod; params: Payload },
): Promise<CallAnswer> {
  const { queries, list, params } = what;
  const { era, view, caller } = agent;
  await queries.settled(FIRST_WAIT_MS);
  await queries.fresh(list.kind, caller);
  const catalog = queries.catalog(caller);
  // A cursor is good for the list that it was cut from.
  const about = JSON.stringify([view, list.member, catalog.digests[list.kind]]);
  const context = { purpose: "cursor", principal: caller.principal, about };
  const from = begins(params, era) ? 0 : startOf(params, sealer, context);
  if (from === undefined) return UNKNOWN_CURSOR;
  const made = PAGES.get(catalog) ?? new Map<string, Page>();
  PAGES.set(catalog, made);
  const hint = catalog.missing.length === 0 ? queries.hint(list.kind, caller) : NO_CACHING;
  const mostBytes = view.kind === "all" ? PAGE_BYTES : Number.POSITIVE_INFINITY;
  const key = `${era.name} ${list.member} ${hint.ttlMs} ${hint.cacheScope} ${from}`;
  const page =
    made.get(key) ?? makePage(queries.page(list.kind, caller), catalog, { list, era, hint, from, mostBytes });
  made.set(key, page);
  if (page.next === undefined) return { kind: "result", result: page.result };
  const cursor = sealer.seal({ ...context, expiresInMs: CURSOR_LIFE_MS }, String(page.next));
  return { kind: "result", result: page.result.with({ nextCursor: JSON.stringify(cursor) }) };
}

const begins = (params: Payload, era: AgentEra): boolean =>
  !params.has("cursor") || (era.emptyCursorBegins && (!params.given("cursor") || params.string("cursor") === ""));

/** Where the page begins; `undefined` for a cursor that is not ours, has expired or belongs to another list. */
function startOf(params: Payload, sealer: Sealer, context: SealContext): number | undefined {
  const opened = sealer.open(context, params.string("cursor") ?? "");
  return opened.ok ? Number(opened.text) : undefined;
}

const UNKNOWN_CURSOR: CallAnswer = {
  kind: "error",
  error: wireError(CODES.invalidParams, "Unknown cursor: ask for the list from its beginning"),
};

interface PagePlan {
  readonly list: ListMethod;
  readonly era: AgentEra;
  readonly hint: CacheHint;
  readonly from: number;
  readonly mostBytes: number;
}

function makePage(native: Payload | undefined, catalog: Catalog, what: PagePlan): Page {
  const { list, era, hint, from, mostBytes } = what;
  const entries = catalog.entries[list.kind];
  const definitions: Buffer[] = [];
  let next = from;
  for (let bytes = 0; next < entries.length; next++) {
    const text = era.definition(entries[next]!.definition).bytes;
    bytes += text.length + COMMA.length;
    // A page with nothing in it would lead nowhere.
    if (bytes > mostBytes && definitions.length > 0) break;
    definitions.push(text);
  }
  const joined = Buffer.concat([
    OPEN,
    ...definitions.flatMap((text, at) => (at === 0 ? [text] : [COMMA, text])),
    CLOSE,
  ]);
  const page = native ? withoutOwnMeta(native) : Payload.parse(`{"${list.member}":[]}`);
  const whole = page.with({ [list.member]: joined, nextCursor: undefined });
  const result = era.list(catalog.missing.length === 0 ? whole : withMissing(whole, catalog), hint);
  return { result, next: next < entries.length ? next : undefined };
}

/** An upstream that was never seen cannot be listed; saying so beats a list that looks complete. */
function withMissing(result: Payload, catalog: Catalog): Payload {
  const meta = result.object("_meta") ?? Payload.of({});
  return result.with({ _meta: meta.with({ [MISSING]: JSON.stringify(catalog.missing) }).bytes });
}

const OPEN = Buffer.from("[");
const COMMA = Buffer.from(",");
const CLOSE = Buffer.from("]");
