import type { Caller } from "../../core/call.ts";
import { hasTasks } from "../../core/extensions.ts";
import type { Failure, Fault } from "../../core/failure.ts";
import type { Subscription } from "../../core/front.ts";
import type { OwnerId } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import { withoutOwnMeta } from "../../wire/own-words.ts";
import { reconnectMs } from "../channel/backoff.ts";
import type { Opened } from "../connection/connector.ts";
import { type Tenant, tenantKey } from "../connection/per-agent-links.ts";
import { isKnown, isRefusal } from "../connection/recognition.ts";
import type { Link } from "../conversation/link.ts";
import { type Feed, type FeedWorld, UNWATCHED } from "./feed.ts";
import { legacyFeed } from "./legacy-feed.ts";
import { listenFeed } from "./listen-feed.ts";
import { type Listener, type Topic, taskNow, topicKey } from "./topics.ts";

export interface SubscriptionsOptions extends Omit<FeedWorld, "gap" | "doubt" | "task" | "message"> {
  /** The link that is shared by all. */
  main(): Promise<Opened>;
  /** Whose conversation serves this caller; `undefined` for the shared link. */
  tenantOf(main: Link, caller: Caller): Tenant | undefined;
  own(main: Link, tenant: Tenant): Promise<Opened> | Opened;
  /** The same, of one that is over. */
  reopen(tenant: Tenant): Promise<Opened> | Opened;
  /** A link turned out to be dead. */
  drop(link: Link): void;
  /** The lists in the conversation of that tenant may have changed unheard; `undefined`: in the main one. */
  stale(tenant: Tenant | undefined): void;
}

/** Which resources and tasks of one upstream are watched, on which link, and who wants to hear of them. */
export interface Subscriptions {
  subscribe(caller: Caller, listener: Listener): Promise<Subscription>;
  /** A link is open: what its predecessor watched is watched again, and counts as changed. */
  opened(link: Link, tenant: Tenant | undefined): void;
  lost(link: Link): void;
  /** A resource has changed: parameters of the notification, on the link of that tenant. */
  updated(tenant: Tenant | undefined, params: Payload): void;
  /** Takes a message that came with no request on the link of that tenant; tells whether it was a feed's own. */
  hear(tenant: Tenant | undefined, message: Message): boolean;
  isNeeded(tenant: Tenant): boolean;
  release(owner: OwnerId): void;
  stop(): void;
}

/** One conversation, through all the links that it has had. */
interface Place {
  readonly tenant: Tenant | undefined;
  /** By topic. */
  readonly listeners: Map<string, Set<Listener>>;
  /** Done when nobody has to be told what was missed. */
  caughtUp: Promise<void>;
  link: Link | undefined;
  feed: Feed | undefined;
  failures: number;
  cancelReopen(): void;
  /** By topic: ends the wait until it is tried again to have it watched. */
  readonly retries: Map<string, () => void>;
}

const CHECK_TIMEOUT_MS = 5_000;
/** A slow answer proves nothing. */
const DEAD: ReadonlySet<Fault> = new Set<Fault>(["unreachable", "connection_lost"]);
const STOPPED = { kind: "failed", fault: "stopped", delivery: "not_sent", detail: "the upstream was removed" } as const;
const NOTHING = Payload.of({});
const FEEDS = { legacy: legacyFeed, modern: listenFeed } as const;
const keyOf = (tenant: Tenant | undefined): string => (tenant ? tenantKey(tenant) : "");

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { clock, random } = options;
  const places = new Map<string, Place>();
  const stopping = new Aborter();

  function placeOf(tenant: Tenant | undefined): Place {
    const key = keyOf(tenant);
    const made: Place = {
      tenant,
      listeners: new Map(),
      caughtUp: Promise.resolve(),
      link: undefined,
      feed: undefined,
      failures: 0,
      cancelReopen() {},
      retries: new Map(),
    };
    const place = places.get(key) ?? made;
    places.set(key, place);
    return place;
  }

  function attach(place: Place, link: Link): Feed {
    if (place.link === link && place.feed) return place.feed;
    stopFeed(place);
    place.cancelReopen();
    const gap = (): void => {
      options.stale(place.tenant);
      for (const topic of topicsOf(place)) catchUp(place, topic);
    };
    const task = (params: Payload): void => {
      const name = params.string("taskId");
      if (name !== undefined) tell(place, { kind: "task", name }, params);
    };
    const feed = FEEDS[link.era.name](link, {
      ...{ ...options, task, gap, message: link.unclaimed },
      doubt: () => void check(link),
    });
    Object.assign(place, { link, feed });
    for (const topic of topicsOf(place)) void watchAgain(place, topic, { feed, failures: 0 });
    return feed;
  }

  /** Has something watched on a link that took the place of another one; what was said in between was heard by nobody. */
  async function watchAgain(place: Place, topic: Topic, on: { feed: Feed; failures: number }): Promise<void> {
    const { feed, failures } = on;
    const key = topicKey(topic);
    const failure = await feed.watch(topic);
    if (place.feed !== feed || !place.listeners.has(key)) return;
    // An upstream that refuses has not been asked in vain: whoever reads it learns what became of it.
    if (failure?.kind !== "upstream") return catchUp(place, topic);
    const again = (): void => {
      place.retries.delete(key);
      void watchAgain(place, topic, { feed, failures: failures + 1 });
    };
    place.retries.set(key, clock.after(reconnectMs(undefined, failures, random), again));
  }

  function stopFeed(place: Place): void {
    place.feed?.stop();
    for (const cancel of place.retries.values()) cancel();
    place.retries.clear();
  }

  function tell(place: Place, topic: Topic, params: Payload): void {
    for (const listener of place.listeners.get(topicKey(topic)) ?? []) listener.told(params);
  }

  /** Makes up for what nobody heard. News of a task are how it is now, and an upstream is asked that one at a time. */
  function catchUp(place: Place, topic: Topic): void {
    if (topic.kind === "resource") {
      tell(place, topic, Payload.of({ uri: topic.name }));
      return;
    }
    place.caughtUp = place.caughtUp.then(async () => {
      const { link } = place;
      if (!link || !place.listeners.has(topicKey(topic))) return;
      const task = await taskNow(topic.name, { link, signal: stopping.signal });
      if (task && place.link === link) tell(place, topic, task);
    });
  }

  async function subscribe(caller: Caller, wanted: Listener): Promise<Subscription> {
    const { topic, missed } = wanted;
    const main = await options.main();
    if (main.kind === "failed") return refused(failure(main));
    if (!WATCHES[topic.kind](main.link.capabilities)) return refused(UNWATCHED);
    const whose = options.tenantOf(main.link, caller);
    const opened = whose ? await options.own(main.link, whose) : main;
    if (opened.kind === "failed") return refused(failure(opened));
    if (stopping.signal.aborted) return refused(failure(STOPPED));
    // Whoever gets no conversation of its own is served over the main one.
    const tenant = opened.link === main.link ? undefined : whose;
    const place = placeOf(tenant);
    const feed = attach(place, opened.link);
    const key = topicKey(topic);
    const listener: Listener = { ...wanted };
    const listeners = place.listeners.get(key) ?? new Set();
    place.listeners.set(key, listeners.add(listener));
    const close = (): void => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      place.listeners.delete(key);
      place.retries.get(key)?.();
      place.retries.delete(key);
      place.feed?.unwatch(topic);
    };
    const trouble = await feed.watch(topic);
    if (trouble) close();
    else if (missed) catchUp(place, topic);
    return trouble ? refused(trouble) : { kind: "open", close };
  }

  const failure = (opened: Opened & { kind: "failed" }): Failure => ({
    ...{ ...opened, kind: "upstream", upstream: options.upstream, attempts: 1 },
  });

  /** A conversation that nobody opens for a call is opened again for those who listen. */
  function reopenLater(place: Place, tenant: Tenant): void {
    const delayMs = reconnectMs(undefined, place.failures++, random);
    place.cancelReopen();
    place.cancelReopen = clock.after(delayMs, () => {
      void Promise.resolve(options.reopen(tenant)).then(opened => {
        if (opened.kind === "open") place.failures = 0;
        else if (!stopping.signal.aborted && places.get(keyOf(tenant)) === place) reopenLater(place, tenant);
      });
    });
  }

  async function check(link: Link): Promise<void> {
    const reply = await link.ask(link.era.probe, NOTHING, { timeoutMs: CHECK_TIMEOUT_MS, signal: stopping.signal });
    const dead = isRefusal(reply)
      ? (await isKnown(link, stopping.signal)) === false
      : reply.kind === "failed" && DEAD.has(reply.fault);
    if (dead && !stopping.signal.aborted) options.drop(link);
  }

  function end(place: Place): void {
    places.delete(keyOf(place.tenant));
    place.cancelReopen();
    stopFeed(place);
  }

  return {
    subscribe,
    opened(link, tenant) {
      // What an upstream tells, or asks, beside its answers comes on a stream of the conversation.
      attach(placeOf(tenant), link);
      if (tenant) return;
      // When the shared link had to be opened anew, the others may be dead too, and nothing else would tell.
      for (const place of places.values()) {
        if (place.tenant && place.link && place.listeners.size > 0) void check(place.link);
      }
    },
    lost(link) {
      for (const place of [...places.values()]) {
        if (place.link !== link) continue;
        stopFeed(place);
        Object.assign(place, { link: undefined, feed: undefined });
        if (stopping.signal.aborted || !place.tenant) continue;
        if (place.listeners.size > 0) reopenLater(place, place.tenant);
        else end(place);
      }
    },
    updated(tenant, params) {
      const place = places.get(keyOf(tenant));
      const changed = params.string("uri");
      if (!place || changed === undefined) return;
      const told = withoutOwnMeta(params);
      for (const topic of topicsOf(place)) {
        if (topic.kind === "resource" && isWithin(changed, topic.name)) tell(place, topic, told);
      }
    },
    hear: (tenant, message) => places.get(keyOf(tenant))?.feed?.hear(message) ?? false,
    isNeeded: tenant => (places.get(keyOf(tenant))?.listeners.size ?? 0) > 0,
    release(owner) {
      for (const place of [...places.values()]) if (place.tenant?.owner === owner) end(place);
    },
    stop() {
      stopping.abort();
      for (const place of [...places.values()]) end(place);
    },
  };
}

const refused = (failure: Failure): Subscription => ({ kind: "failed", failure });

const topicsOf = ({ listeners }: Place): Topic[] =>
  [...listeners.values()].flatMap(([first]) => (first ? [first.topic] : []));

/** Whether an upstream that can do this tells news of such topics. */
const WATCHES: Readonly<Record<Topic["kind"], (capabilities: Payload) => boolean>> = {
  // Not all that can be watched is declared: who cannot says so when it is asked.
  resource: capabilities => capabilities.has("resources"),
  task: hasTasks,
};

/** An upstream may name a part of what was subscribed to. */
const isWithin = (changed: string, uri: string): boolean =>
  changed === uri || (changed.startsWith(uri) && (uri.endsWith("/") || /^[/#?]/.test(changed.slice(uri.length))));
