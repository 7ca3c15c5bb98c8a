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
import type { UpstreamStatus } from "../core/status.ts";
import { expects, NO_CAPABILITIES } from "../wire/capabilities.ts";
import type { Message } from "../wire/message.ts";
import { canBeAsked } from "../wire/upstream-questions.ts";
import { createAdmission } from "./admission.ts";
import { createAttempts } from "./attempts.ts";
import { createConnector } from "./connector.ts";
import { createDialer, type DialWorld } from "./dial.ts";
import { createEar, type Ear } from "./ear.ts";
import type { Link } from "./link.ts";
import { createOfferKeeper } from "./offer-keeper.ts";
import { createOwnerLinks, type Tenant } from "./owner-links.ts";
import { createProber } from "./prober.ts";
import { createPromotion } from "./promotion.ts";
import { createSchedule } from "./schedule.ts";
import { createSubscriptions } from "./subscriptions.ts";
import type { Listener } from "./topics.ts";
import { createTraffic } from "./traffic.ts";
import { transportOf } from "./transports.ts";
import { statusOfUpstream } from "./upstream-status.ts";

export interface UpstreamWorld extends DialWorld {
  /** What this upstream offered when it was last seen, possibly by an earlier process. */
  readonly known: Offer | undefined;
  /** Its state or its counts changed. */
  changed(): void;
  offered(offer: Offer): void;
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
  /** Somebody asks for its list of that kind: what is older than it may be is read again, for the next who asks. */
  listed(kind: Kind): void;
  /** Has a resource or a task watched. */
  subscribe(caller: Caller, listener: Listener): Promise<Subscription>;
  /** Tells the conversations that it holds for that owner, if they know of such a thing. */
  tell(owner: OwnerId, notice: Notice): void;
  /** Ends the conversations that it holds for that owner. */
  release(owner: OwnerId): void;
  start(): void;
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
  const stopping = new AbortController();
  const signal = stopping.signal;
  const health = createHealth({ clock, random, changed: world.changed });
  const transport = transportOf(config);
  const dialer = createDialer(transport, world);
  const traffic = createTraffic(clock);
  const promotion = createPromotion(transport.isolation);
  let tried = false;
  let stopped: Promise<void> | undefined;
  let listTrouble: string | undefined;

  const keeper = createOfferKeeper({
    upstream: name,
    clock,
    known: world.known,
    inspect: world.inspect,
    changed: world.offered,
    trouble: detail => {
      listTrouble = detail;
    },
  });
  const relist = (): void => {
    world.stale(undefined);
    world.pressure.whenCalm(keeper, () => {
      if (connector.link) void keeper.refresh(connector.link);
    });
  };

  const earFor = (tenant: Tenant | undefined): Ear =>
    createEar({
      upstream: name,
      contact: () => tenant && world.contact(tenant.owner),
      refused: promotion.tried,
      listChanged: relist,
      updated(params) {
        world.stale(params.string("uri"));
        subscriptions.updated(tenant, params);
      },
    });
  const mainEar = earFor(undefined);
  const hearing =
    (tenant: Tenant | undefined, ear: Ear) =>
    (link: Link, message: Message): void => {
      if (!subscriptions.hear(tenant, message)) ear.hear(link, message);
    };

  const connector = createConnector({
    open: lost =>
      dialer.open({
        signal,
        declared: NO_CAPABILITIES,
        message: hearing(undefined, mainEar),
        lost(detail, link) {
          subscriptions.lost(link);
          lost(detail);
        },
      }),
    ...{ health, clock, random, hurry: dialer.hurry },
    maxDelayMs: config.health_check_interval * 1000,
    crashes: transport.crashes,
    opened: link => void introduce(link),
  });
  const owners = createOwnerLinks({
    clock,
    open(tenant) {
      const ear = earFor(tenant);
      const opened = dialer.open({
        signal,
        declared: tenant.declared,
        message: hearing(tenant, ear),
        lost(_detail, link) {
          ear.stop();
          owners.lost(link);
          subscriptions.lost(link);
        },
      });
      dialer.hurry();
      return opened;
    },
    opened: (tenant, link) => subscriptions.opened(link, tenant),
    isNeeded: tenant => subscriptions.isNeeded(tenant),
  });
  const prober = createProber({ connector, health, clock, random, intervalMs: config.health_check_interval * 1000 });
  const attempts = createAttempts({
    ...{ connector, owners, dialer, keeper, health, prober },
    ...{ parking, promotion, clock, stopping: signal },
  });
  const admission = createAdmission({
    ...{ capacity: config.max_concurrency, clock, send: attempts.send },
    isAlone: ({ capabilities }) =>
      transport.isolation === "per_agent" || (promotion.promoted && canBeAsked(capabilities)),
  });
  const drop = (link: Link): void => {
    owners.drop(link);
    connector.giveUp(link, "the upstream does not know this conversation any more");
  };
  const subscriptions = createSubscriptions({
    ...{ upstream: name, clock, random, stale: relist },
    ...{ main: connector.demand, own: owners.get, drop, tenantOf: attempts.tenantOf },
    message: message => mainEar.hear(connector.link, message),
  });

  async function introduce(link: Link): Promise<void> {
    await keeper.refresh(link);
    tried = true;
    if (connector.link !== link) return world.changed();
    health.connected();
    prober.watch(link);
    subscriptions.opened(link, undefined);
  }

  async function release(): Promise<void> {
    prober.stop();
    keeper.stop();
    subscriptions.stop();
    stopping.abort();
    await Promise.all([connector.stop(), owners.stop()]);
    await dialer.close();
  }

  return {
    name,
    config,
    trust: {
      annotations: config.trust_annotations,
      safeToRetry: new Set(config.safe_to_retry),
      get startsTasks() {
        return keeper.offer !== undefined && hasTasks(keeper.offer.capabilities);
      },
    },
    get offer() {
      return keeper.offer;
    },
    get tried() {
      return tried || health.lastError !== undefined;
    },
    budget: world.budget,
    limits: createSchedule(config),
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
    send: (call, holder, limits) => traffic.during(admission.send(call, holder, limits)),
    listed(kind) {
      if (connector.link && keeper.isStale(kind)) void keeper.refresh(connector.link);
    },
    subscribe: subscriptions.subscribe,
    tell(owner, { method, params }) {
      for (const link of owners.links(owner)) if (expects(link.declared, method)) void link.notify(method, params);
    },
    release(owner) {
      subscriptions.release(owner);
      owners.release(owner);
    },
    status: () =>
      statusOfUpstream({
        ...{
          config,
          address: transport.address,
          proxy: dialer.proxy,
          health,
          listTrouble,
          counts: traffic.counts,
          offer: keeper.offer,
          notes: keeper.notes,
          link: connector.link,
        },
        queued: admission.queued,
        lastStderr: dialer.lastStderr(),
        trouble: dialer.trouble(),
        strays: dialer.strays,
      }),
    start: () => connector.start(),
    hurry: dialer.hurry,
    recheck: () => connector.recheck(),
    stop(graceMs) {
      const ended = traffic.ended(graceMs);
      stopped ??= ended.then(release);
      return stopped;
    },
  };
}
