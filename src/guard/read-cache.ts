import { LRUCache } from "lru-cache";
import { broken, type Call, type Done, type Handle, type Outcome } from "../core/call.ts";
import { methodOf } from "../core/methods.ts";
import type { UpstreamName } from "../core/names.ts";
import { resuming, returning } from "../core/pass.ts";
import type { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";

export interface ReadCacheLayer {
  (next: Handle): Handle;
  /** What was read from that upstream is no longer true: one resource, or all of them. */
  forget(upstream: UpstreamName, uri?: string): void;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_ENTRY_BYTES = MAX_BYTES / 8;
/** How much of keys is remembered whose last answer was for everybody. */
const MAX_SHARED_BYTES = 4 * 1024 * 1024;
const KEY_OVERHEAD_BYTES = 128;
/** Longer ones are not worth remembering. */
const MAX_URI_LENGTH = 8_192;
/** Besides the text. */
const ENTRY_OVERHEAD_BYTES = 512;

interface Kept {
  readonly what: Read;
  readonly result: Payload;
  readonly expiresAt: number;
  readonly upstream: UpstreamName;
}

/** What identifies a read: nothing that is told apart elsewhere is shared here. */
interface Read {
  readonly key: string;
  /** Every upstream that could have given the answer. */
  readonly upstreams: readonly UpstreamName[];
  /** Whatever has to change for the answer to become another one. */
  readonly tags: readonly string[];
}

interface Reading {
  readonly what: Read;
  readonly next: Handle;
}

/** A read that is under way, and who else waits for its answer. */
interface Leading {
  readonly what: Read;
  readonly waiting: Done[];
}

/**
 * Keeps what upstreams declare to be the same for everybody, for as long as they say. Reads that are made at the same
 * time become one once the last answer was such; whoever waited for an answer that turns out not to be reads anew, so
 * that nothing private reaches anybody but whoever asked for it.
 * https://modelcontextprotocol.io/seps/2549-TTL-for-list-results
 */
export function readCache({ clock, maxBytes = MAX_BYTES }: { clock: Clock; maxBytes?: number }): ReadCacheLayer {
  const kept = new LRUCache<string, Kept>({
    maxSize: maxBytes,
    maxEntrySize: Math.min(maxBytes, MAX_ENTRY_BYTES),
    sizeCalculation: ({ result, what }, key) =>
      what.tags.reduce((bytes, tag) => bytes + tag.length, result.size + key.length + ENTRY_OVERHEAD_BYTES),
    dispose: ({ what }) => untag(what),
  });
  /** Keys of what is kept, by all that a change can be told of: an upstream may talk of changes without end. */
  const tagged = new Map<string, Set<string>>();
  const shared = new LRUCache<string, true>({
    maxSize: MAX_SHARED_BYTES,
    sizeCalculation: (_is, key) => key.length + KEY_OVERHEAD_BYTES,
  });
  const running = new Map<string, Leading>();
  /** How often something of an upstream was forgotten: an answer that was under way by then is not kept. */
  const forgotten = new Map<UpstreamName, number>();
  const ageOf = (upstreams: readonly UpstreamName[]): number =>
    upstreams.reduce((sum, upstream) => sum + (forgotten.get(upstream) ?? 0), 0);

  function tag({ key, tags }: Read): void {
    for (const one of tags) {
      const keys = tagged.get(one) ?? new Set();
      tagged.set(one, keys.add(key));
    }
  }

  function untag({ key, tags }: Read): void {
    for (const one of tags) {
      const keys = tagged.get(one);
      keys?.delete(key);
      if (keys?.size === 0) tagged.delete(one);
    }
  }

  function fresh(key: string): Outcome | undefined {
    const found = kept.get(key);
    if (!found) return undefined;
    const ttlMs = Math.floor(found.expiresAt - clock.now());
    if (ttlMs > 0) {
      const result = found.result.with({ ttlMs: String(ttlMs) });
      return { kind: "done", result, route: { upstream: found.upstream, attempts: 0 } };
    }
    kept.delete(key);
    return undefined;
  }

  function read(call: Call, { what, next }: Reading, done: Done): void {
    const before = ageOf(what.upstreams);
    const keeping = (outcome: Outcome): Outcome => {
      keep(what, outcome, before === ageOf(what.upstreams));
      return outcome;
    };
    next(call, returning(done, broken, keeping));
  }

  /** `isCurrent`: nothing was forgotten since it was asked for. */
  function keep(what: Read, outcome: Outcome, isCurrent: boolean): void {
    const { key, upstreams } = what;
    const ttlMs = sharedForMs(outcome);
    if (outcome.kind !== "done" || ttlMs === 0) shared.delete(key);
    else if (isCurrent) {
      shared.set(key, true);
      // A copy: the text that it came in may be much larger.
      const result = outcome.result.detached();
      const upstream = outcome.route?.upstream ?? upstreams[0];
      if (upstream !== undefined) kept.set(key, { what, result, expiresAt: clock.now() + ttlMs, upstream });
      if (kept.has(key)) tag(what);
    }
  }

  function together(call: Call, reading: Reading, done: Done): void {
    const { key } = reading.what;
    const leader = running.get(key);
    if (leader) {
      leader.waiting.push(resuming(done, broken, outcome => follow(call, reading, { outcome, done })));
      return;
    }
    const mine: Leading = { what: reading.what, waiting: [] };
    running.set(key, mine);
    read(call, reading, outcome => {
      if (running.get(key) === mine) running.delete(key);
      done(outcome);
      for (const follower of mine.waiting) follower(outcome);
    });
  }

  /** The answer that a call has waited for has come. */
  function follow(call: Call, reading: Reading, { outcome, done }: { outcome: Outcome; done: Done }): void {
    if (call.signal.aborted) done({ kind: "failed", failure: { kind: "cancelled" } });
    else if (sharedForMs(outcome) > 0) done(outcome);
    else if (shared.has(reading.what.key)) together(call, reading, done);
    else reading.next(call, done);
  }

  const layer = (next: Handle): Handle =>
    function cached(call, done) {
      const what = readOf(call);
      if (!what) return next(call, done);
      const found = fresh(what.key);
      if (found) return done(found);
      if (shared.has(what.key)) together(call, { what, next }, done);
      else read(call, { what, next }, done);
    };

  function forget(upstream: UpstreamName, uri?: string): void {
    forgotten.set(upstream, ageOf([upstream]) + 1);
    const changed = tagOf(upstream, uri);
    for (const key of [...(tagged.get(changed) ?? [])]) kept.delete(key);
    // Whoever asks from now on must not be given an answer that was asked for before.
    for (const [key, { what }] of running) if (what.tags.includes(changed)) running.delete(key);
  }

  return Object.assign(layer, { forget });
}

/** Only a read that says nothing but what to read, and has not been asked back about. */
function readOf({ method, subject, params, continues, target }: Call): Read | undefined {
  if (!methodOf(method).cacheable || continues || subject?.kind !== "found" || target === undefined) return undefined;
  for (const key of params.keys()) if (key !== "uri" && key !== "_meta") return undefined;
  const { holders, kind } = subject.entry;
  const upstreams = holders.map(holder => holder.upstream);
  const uri = kind === "resource" ? holders[0].native : target;
  if (uri.length > MAX_URI_LENGTH) return undefined;
  const tags = upstreams.flatMap(upstream => [tagOf(upstream, undefined), tagOf(upstream, uri)]);
  return { key: JSON.stringify({ uri, upstreams }), upstreams, tags };
}

/** No upstream's name has a colon in it. */
const tagOf = (upstream: UpstreamName, uri: string | undefined): string =>
  uri === undefined ? upstream : `${upstream}:${uri}`;

/** `0` for everything that may not be shared, or not be kept. */
function sharedForMs(outcome: Outcome): number {
  if (outcome.kind !== "done") return 0;
  const { result } = outcome;
  if (result.string("cacheScope") !== "public" || result.string("resultType") !== "complete") return 0;
  const ttlMs = Number(result.raw("ttlMs")?.toString("latin1"));
  return Number.isSafeInteger(ttlMs) && ttlMs > 0 ? ttlMs : 0;
}
