import type { UpstreamConfig } from "../config/schema.ts";
import type { Call } from "../core/call.ts";
import type { Holder, Offer } from "../core/catalog.ts";
import type { AttemptFailure } from "../core/failure.ts";
import { createHealth } from "../core/health.ts";
import { type OwnerId, type UpstreamName, upstreamName } from "../core/names.ts";
import type { Attempt, Instance } from "../core/route.ts";
import type { UpstreamStatus } from "../core/status.ts";
import type { Message } from "../wire/message.ts";
import { LIST_CHANGED } from "../wire/methods.ts";
import { createConnector, type Opened } from "./connector.ts";
import { addressOf, createDialer, type DialWorld } from "./dial.ts";
import { answerUpstream, type Link, type Timeouts } from "./link.ts";
import { createOfferKeeper } from "./offer-keeper.ts";
import { createOwnerLinks } from "./owner-links.ts";
import { createProber } from "./prober.ts";

export interface UpstreamWorld extends DialWorld {
  /** What this upstream offered when it was last seen, possibly by an earlier process. */
  readonly known: Offer | undefined;
  /** Its state or its counts changed. */
  changed(): void;
  offered(offer: Offer): void;
}

/** One configured upstream: keeps it connected, knows what it offers, sends it calls. */
export interface Upstream extends Instance {
  readonly name: UpstreamName;
  readonly config: UpstreamConfig;
  readonly offer: Offer | undefined;
  /** Whether it has been tried at least once since it was started. */
  readonly tried: boolean;
  status(): UpstreamStatus;
  /** Ends the conversation that it holds for that owner. */
  release(owner: OwnerId): void;
  start(): void;
  /** Waits for running calls, at most `graceMs`, then closes everything. */
  stop(graceMs: number): Promise<void>;
}

const LONGEST_CALL_MS = 600_000;

export function createUpstream(config: UpstreamConfig, world: UpstreamWorld): Upstream {
  const { clock, random } = world;
  const name = upstreamName(config.name);
  const timeoutMs = config.timeout * 1000;
  const timeouts: Timeouts = { timeoutMs, maxTimeoutMs: Math.max(timeoutMs, LONGEST_CALL_MS) };
  const stopping = new AbortController();
  const health = createHealth({ clock, random, changed: world.changed });
  const dialer = createDialer(config, world);
  const counts = { inFlight: 0, calls: 0, failures: 0 };
  let tried = false;
  let listTrouble: string | undefined;
  let idle = (): void => {};

  const keeper = createOfferKeeper({
    upstream: name,
    clock,
    known: world.known,
    changed: world.offered,
    trouble: detail => {
      listTrouble = detail;
    },
  });
  const connector = createConnector({
    open: lost => dialer.open({ message: heard, lost, signal: stopping.signal }),
    health,
    clock,
    random,
    maxDelayMs: config.health_check_interval * 1000,
    crashes: config.transport === "stdio",
    opened: link => void introduce(link),
  });
  const owners = createOwnerLinks({
    clock,
    open: lost => dialer.open({ message: attend, lost, signal: stopping.signal }),
  });
  const prober = createProber({ connector, health, clock, random, intervalMs: config.health_check_interval * 1000 });

  async function introduce(link: Link): Promise<void> {
    await keeper.refresh(link);
    tried = true;
    if (connector.link !== link) return world.changed();
    health.connected();
    prober.watch(link);
    dialer.follow(link, { message: message => heard(link, message), signal: stopping.signal });
  }

  /** What the upstream says on its main link without being asked. */
  function heard(link: Link | undefined, message: Message): void {
    if (!link) return;
    if (message.kind === "notification" && LIST_CHANGED.has(message.method)) void keeper.refresh(link);
    attend(link, message);
  }

  /** What it says on any link: its own requests are answered, log lines find their call. */
  function attend(link: Link | undefined, message: Message): void {
    link?.overhear(message);
    if (link && message.kind === "request") void answerUpstream(link.channel, message, link.era.headers(link.version));
  }

  function linkFor(owner: OwnerId): Promise<Opened> | Opened {
    const main = connector.link;
    if (!main) return demand(owner);
    return dialer.holdsState(main) ? owners.get(owner) : { kind: "open", link: main };
  }

  async function demand(owner: OwnerId): Promise<Opened> {
    const opened = await connector.demand();
    return opened.kind === "open" && dialer.holdsState(opened.link) ? owners.get(owner) : opened;
  }

  async function send(call: Call, holder: Holder): Promise<Attempt> {
    counts.inFlight++;
    counts.calls++;
    try {
      return await attempt(call, holder, true);
    } finally {
      counts.inFlight--;
      if (counts.inFlight === 0) idle();
    }
  }

  async function attempt(call: Call, holder: Holder, mayReopen: boolean): Promise<Attempt> {
    const opened = await linkFor(call.caller.owner);
    if (opened.kind === "failed") return failed({ ...opened, delivery: "not_sent" });
    const { link } = opened;
    const result = await link.call(call, holder, timeouts);
    if (result.kind !== "failed") {
      health.succeeded();
      prober.seen();
      return result;
    }
    if (result.fault === "session_lost") {
      owners.drop(call.caller.owner, link);
      connector.giveUp(link, result.detail);
      if (mayReopen) return attempt(call, holder, false);
    }
    if (result.fault === "unreachable") lose(link, result.detail);
    if (result.fault === "rate_limited") health.limited(clock.now() + (result.retryAfterMs ?? 1000));
    return failed(result);
  }

  /** Nothing listens there any more: whoever holds a link of its own would only find out one by one. */
  function lose(link: Link, detail: string): void {
    const main = connector.link;
    if (main && (main === link || dialer.holdsState(main))) connector.giveUp(main, detail);
  }

  function failed(failure: AttemptFailure & { kind: "failed" }): Attempt {
    counts.failures++;
    health.failed(failure.fault, failure.detail);
    if (health.state === "ejected") prober.hurry();
    return failure;
  }

  return {
    name,
    config,
    trust: { annotations: config.trust_annotations, safeToRetry: new Set(config.safe_to_retry) },
    get offer() {
      return keeper.offer;
    },
    get tried() {
      return tried || health.lastError !== undefined;
    },
    get condition() {
      return health.condition;
    },
    get inFlight() {
      return counts.inFlight;
    },
    keeps: owner => owners.has(owner),
    send,
    release: owner => owners.release(owner),
    status: () => ({
      name,
      transport: config.transport,
      address: addressOf(config),
      protocolVersion: connector.link?.version ?? null,
      state: health.state === "ready" && listTrouble ? "degraded" : health.state,
      since: new Date(health.since).toISOString(),
      priority: config.priority,
      group: config.group ?? null,
      tools: keeper.offer?.definitions.tool.length ?? 0,
      prompts: keeper.offer?.definitions.prompt.length ?? 0,
      resources: keeper.offer?.definitions.resource.length ?? 0,
      ...counts,
      lastError: health.lastError ?? listTrouble ?? null,
      stderr: connector.link?.channel.stderr() ?? dialer.lastStderr(),
      pid: connector.link?.channel.pid ?? null,
    }),
    start: () => connector.start(),
    async stop(graceMs) {
      if (counts.inFlight > 0) {
        await new Promise<void>(resolve => {
          const cancel = clock.after(graceMs, resolve);
          idle = () => {
            cancel();
            resolve();
          };
        });
      }
      prober.stop();
      keeper.stop();
      stopping.abort();
      await Promise.all([connector.stop(), owners.stop()]);
      await dialer.close();
    },
  };
}
