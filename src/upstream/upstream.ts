import type { UpstreamConfig } from "../config/schema.ts";
import type { Caller, Notice } from "../core/call.ts";
import type { Kind, Offer } from "../core/catalog.ts";
import { hasTasks } from "../core/extensions.ts";
import type { AgentContact, Subscription } from "../core/front.ts";
import { createHealth } from "../core/health.ts";
import { type OwnerId, type UpstreamName, upstreamName } from "../core/names.ts";
import type { Pressure } from "../core/pressure.ts";
import type { RetryBudget } from "../core/retry-budget.ts";
import type { Instance } from "../core/route.ts";
import { Aborter } from "../core/signal.ts";
import type { UpstreamStatus } from "../core/status.ts";
import { expects, NO_CAPABILITIES } from "../wire/capabilities.ts";
import { createAdmission } from "./call/admission.ts";
import { createSend } from "./call/send.ts";
import { createSettings } from "./call/settings.ts";
import { createTraffic } from "./call/traffic.ts";
import { createOfferKeeper } from "./catalog/offer-keeper.ts";
import { createOffers } from "./catalog/offers.ts";
import { createConnector } from "./connection/connector.ts";
import { createDialer, type DialListener, type DialWorld } from "./connection/dial.ts";
import { createOwnerLinks, type Tenant } from "./connection/per-agent-links.ts";
import { createPlacement } from "./connection/placement.ts";
import { createProber } from "./connection/prober.ts";
import { transportOf } from "./connection/transports.ts";
import { createAsking } from "./conversation/asking.ts";
import type { Link } from "./conversation/link.ts";
import { type HearingParts, hearing } from "./notifications/hearing.ts";
import { createSubscriptions } from "./notifications/subscriptions.ts";
import type { Listener } from "./notifications/topics.ts";
import { statusOfUpstream } from "./upstream-status.ts";

export interface UpstreamWorld extends DialWorld {
  /** What this upstream offered when it was last seen, possibly by an earlier process. */
  readonly known: Offer | undefined;
  /** Its state or its counts changed. */
  changed(): void;
  offered(offer: Offer): void;
  /** It says that its lists of these kinds have changed: those of that agent, or of any. */
  noticed(kinds: readonly Kind[], owner: OwnerId | undefined): void;
  /** That agent, or any of several, may be offered something else of these kinds now. */
  varied(kinds: readonly Kind[], owner: OwnerId | undefined): void;
  /** Finds out what must be known of an offer before agents see it; tells whether there was anything to find out. */
  inspect(offer: Offer): Promise<boolean>;
  /** What was read from it may have changed: that resource, or anything. */
  stale(uri: string | undefined): void;
  /** An agent that can be reached outside its calls. */
  contact(owner: OwnerId): AgentContact | undefined;
  readonly pressure: Pressure;
  /** Of its group. */
  readonly budget: RetryBudget;
}

/** One configured upstream: keeps it connected, knows what it offers, sends it calls. */
export interface Upstream extends Instance {
  readonly name: UpstreamName;
  readonly config: UpstreamConfig;
  readonly offer: Offer | undefined;
  /** Whether it has been tried at least once since it was started. */
  readonly tried: boolean;
  status(): UpstreamStatus;
  /** What it offers to this caller, as far as that is known. */
  offerTo(caller: Caller): Offer | undefined;
  /** Whether it offers something else to any agent than to most. */
  readonly varies: boolean;
  /** Reads a list that may not be given out as it is; `undefined`: there is nothing to wait for. */
  fresh(caller: Caller, kind: Kind): Promise<void> | undefined;
  /** Has a resource or a task watched. */
  subscribe(caller: Caller, listener: Listener): Promise<Subscription>;
  /** Tells the conversations that it holds for that owner, if they know of such a thing. */
  tell(owner: OwnerId, notice: Notice): void;
  /** Ends the conversations that it holds for that owner. */
  release(owner: OwnerId): void;
  start(): void;
  /** Takes settings that need no new conversation (`live` in `config/verdicts.ts`). */
  adjust(config: UpstreamConfig): void;
  /** Somebody looks at it alone: if it is being started, it is the next. */
  hurry(): void;
  /** The configuration was read again and is the same for this upstream: what it names may be there now. */
  recheck(): void;
  /** Waits for running calls, at most `graceMs`, then closes everything. A second time shortens the wait. */
  stop(graceMs: number): Promise<void>;
}

export function createUpstream(config: UpstreamConfig, world: UpstreamWorld): Upstream {
  const { clock, random, parking } = world;
  const name = upstreamName(config.name);
  const stopping = new Aborter();
  const { signal } = stopping;
  const health = createHealth({ clock, random, changed: world.changed });
  const transport = transportOf(config);
  const dialer = createDialer(transport, world);
  const traffic = createTraffic(clock);
  const asking = createAsking();
  let opening: Pick<Tenant, "era" | "declared" | "opener"> | undefined;
  let tried = false;
  let stopped: Promise<void> | undefined;
  let listTrouble: string | undefined;

  const keeper = createOfferKeeper({
    ...{ upstream: name, clock, known: world.known, inspect: world.inspect, room: world.offerRoom },
    changed(offer) {
      offers.rebased(before, offer);
      before = offer;
      world.offered(offer);
    },
    trouble: detail => {
      listTrouble = detail;
    },
  });
  let before = keeper.offer;
  const settings = createSettings(config, () => keeper.offer !== undefined && hasTasks(keeper.offer.capabilities));
  const relist = (): void => {
    world.stale(undefined);
    offers.doubt(undefined);
    world.pressure.whenCalm(keeper, () => {
      if (connector.link) void keeper.refresh(connector.link);
    });
  };

  const parts: HearingParts = {
    ...{ upstream: name, contact: world.contact, stale: world.stale, subscriptions: () => subscriptions },
    relist(tenant, kinds) {
      if (tenant) offers.noticed(tenant);
      else relist();
      world.noticed(kinds, tenant?.owner);
      // Whoever is told now and asks has it read at once; others do not wait for the pace of a flood.
      if (!tenant && keeper.isBehind) world.varied(kinds, undefined);
    },
  };

  /** What a conversation opens with, whoever it is for; `undefined`: the main one. */
  function listenerFor(tenant: Tenant | undefined, lost: DialListener["lost"]): DialListener {
    const whose = tenant ?? opening;
    const heard = hearing(parts, { tenant, opener: whose?.opener });
    return {
      ...{ signal, declared: whose?.declared ?? NO_CAPABILITIES, opener: whose?.opener },
      ...{ asked: asking.add, message: heard.message },
      lost(detail, link) {
        heard.lost(detail, link);
        lost(detail, link);
      },
    };
  }

  const connector = createConnector({
    open: lost => dialer.open(listenerFor(undefined, lost), opening?.era),
    ...{ health, clock, random, hurry: dialer.hurry },
    maxDelayMs: config.health_check_interval * 1000,
    crashes: transport.crashes,
    opened: link => void introduce(link),
  });
  const owners = createOwnerLinks({
    ...{ clock, max: transport.maxOwned },
    open(tenant) {
      const opened = dialer.open(
        listenerFor(tenant, (_detail, link) => owners.lost(link)),
        tenant.era,
      );
      dialer.hurry();
      return opened;
    },
    opened: (tenant, link) => subscriptions.opened(link, tenant),
    ended: tenant => offers.ended(tenant),
    isNeeded: tenant => subscriptions.isNeeded(tenant),
  });
  const placement = createPlacement({
    ...{ connector, owners, dialer, transport, clock },
    hasAsked: (call, holder) => asking.has(call.method, holder.native),
    reopen(shared) {
      opening = shared;
      connector.reopen();
    },
  });
  const offers = createOffers({
    ...{ upstream: name, clock, inspect: world.inspect, room: world.offerRoom },
    ...{ base: keeper, connector, placement, owners },
    changed: world.varied,
  });
  const prober = createProber({
    ...{ connector, health, clock, random, intervalMs: config.health_check_interval * 1000 },
    busy: link => traffic.counts.inFlight > 0 || link.asks,
  });
  const admission = createAdmission({
    ...{ capacity: config.max_concurrency, clock },
    isAlone: caller => transport.crashes && owners.has(caller.owner),
  });
  const send = createSend({
    ...{ traffic, admission, connector, owners, dialer, keeper, health, prober, placement, parking, clock },
    ...{ stopping: signal, answered: offers.answered, called: keeper.called },
  });
  const drop = (link: Link): void => {
    owners.drop(link);
    connector.giveUp(link, "the upstream does not know this conversation any more");
  };
  const subscriptions = createSubscriptions({
    ...{ upstream: name, clock, random },
    stale: tenant => (tenant ? offers.doubt(tenant) : relist()),
    ...{
      main: connector.demand,
      own: placement.conversationOf,
      reopen: owners.get,
      drop,
      tenantOf: placement.tenantOf,
    },
  });

  async function introduce(link: Link): Promise<void> {
    await keeper.introduce(link);
    tried = true;
    if (connector.link !== link) return world.changed();
    health.connected();
    prober.watch(link);
    subscriptions.opened(link, undefined);
  }

  async function release(): Promise<void> {
    prober.stop();
    keeper.stop();
    offers.stop();
    subscriptions.stop();
    stopping.abort();
    await Promise.all([connector.stop(), owners.stop()]);
    await dialer.close();
  }

  return {
    name,
    get config() {
      return settings.config;
    },
    trust: settings.trust,
    get offer() {
      return keeper.offer;
    },
    get tried() {
      return tried || health.lastError !== undefined;
    },
    budget: world.budget,
    get limits() {
      return settings.limits;
    },
    get condition() {
      return health.condition;
    },
    get restarting() {
      return connector.restarting;
    },
    get returnedAt() {
      return health.returnedAt;
    },
    get inFlight() {
      return traffic.counts.inFlight;
    },
    isFull: admission.isFull,
    keeps: owner => owners.has(owner),
    send,
    offerTo: offers.of,
    get varies() {
      return offers.vary;
    },
    fresh: offers.fresh,
    subscribe: subscriptions.subscribe,
    tell(owner, { method, params }) {
      for (const link of placement.links(owner)) if (expects(link.declared, method)) void link.notify(method, params);
    },
    release(owner) {
      subscriptions.release(owner);
      owners.release(owner);
    },
    status: () =>
      statusOfUpstream({
        ...{
          config: settings.config,
          address: transport.address,
          proxy: dialer.proxy,
          health,
          listTrouble,
          counts: traffic.counts,
          offer: keeper.offer,
          notes: [...transport.notes, ...placement.notes(), ...keeper.notes],
          link: connector.link,
        },
        queued: admission.queued,
        lastStderr: dialer.lastStderr(),
        trouble: dialer.trouble(),
        strays: dialer.strays,
        hidden: dialer.hidden,
      }),
    start: () => connector.start(),
    adjust: settings.adjust,
    hurry: dialer.hurry,
    recheck: () => connector.recheck(),
    stop(graceMs) {
      stopped ??= traffic.over(graceMs).then(release);
      return stopped;
    },
  };
}
