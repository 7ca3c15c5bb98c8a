import { Payload } from "../../core/payload.ts";
import { Aborter } from "../../core/signal.ts";
import type { Message } from "../../wire/message.ts";
import { withoutOwnMeta } from "../../wire/own-words.ts";
import { reconnectMs } from "../channel/backoff.ts";
import type { Reply } from "../channel/channel.ts";
import { NO_TIMEOUT_MS } from "../conversation/attempt.ts";
import type { Link } from "../conversation/link.ts";
import { type Feed, type FeedWorld, UNWATCHED } from "./feed.ts";
import { DECLARES_TASKS, type Topic } from "./topics.ts";

/** How long an acknowledgement may take before the stream counts as open all the same. */
const ACKNOWLEDGE_MS = 5_000;
const ACKNOWLEDGED = "notifications/subscriptions/acknowledged";
const TASK_STATUS = "notifications/tasks";
/** Under which member of a filter the topics of a kind are named. */
const FILTERS = { resource: "resourceSubscriptions", task: "taskIds" } as const satisfies Record<Topic["kind"], string>;
type Wanted = Readonly<Record<Topic["kind"], Set<string>>>;
const NOTHING = Payload.of({});
const FLAGS = {
  tools: "toolsListChanged",
  prompts: "promptsListChanged",
  resources: "resourcesListChanged",
} as const;

/**
 * One stream for everything that is to be heard of; a change opens the new one before the old one is closed.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export function listenFeed(link: Link, world: FeedWorld): Feed {
  const { clock, random } = world;
  const flags = Object.fromEntries(
    Object.entries(FLAGS)
      .filter(([capability]) => announces(link.capabilities, capability))
      .map(([, flag]) => [flag, true]),
  );
  const wanted: Wanted = { resource: new Set(), task: new Set() };
  let honoured: Wanted = { resource: new Set(), task: new Set() };
  let current: Aborter | undefined;
  let acknowledge: ((params: Payload | undefined) => void) | undefined;
  let opening: Promise<void> | undefined;
  let changed = false;
  let stopped = false;
  let failures = 0;
  let cancelRetry = (): void => {};

  /** Brings the stream to what is wanted now; many wishes at once become one stream. */
  function renew(): Promise<void> {
    changed = true;
    opening ??= open().finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function open(): Promise<void> {
    while (changed && !stopped) {
      changed = false;
      const previous = current;
      current = undefined;
      if (Object.keys(filter()).length > 0) await listen();
      previous?.abort();
    }
  }

  const filter = (): object => ({
    ...flags,
    ...(wanted.resource.size > 0 && { [FILTERS.resource]: [...wanted.resource] }),
    ...(wanted.task.size > 0 && { [FILTERS.task]: [...wanted.task] }),
  });

  async function listen(): Promise<void> {
    const controller = new Aborter();
    current = controller;
    const acknowledged = new Promise<void>(resolve => {
      acknowledge = params => {
        failures = 0;
        honoured = { resource: namesIn(params, "resource"), task: namesIn(params, "task") };
        resolve();
      };
    });
    honoured = { resource: new Set(), task: new Set() };
    const ended = link.ask("subscriptions/listen", Payload.of({ notifications: filter() }), {
      capabilities: wanted.task.size > 0 ? DECLARES_TASKS : undefined,
      timeoutMs: NO_TIMEOUT_MS,
      signal: controller.signal,
      onMessage: message => {
        if (!hear(message)) world.message(message);
      },
    });
    void ended.then(reply => over(controller, reply));
    let cancelTimer = (): void => {};
    const late = new Promise<void>(resolve => {
      cancelTimer = clock.after(ACKNOWLEDGE_MS, resolve);
    });
    await Promise.race([acknowledged, ended, late]);
    cancelTimer();
    acknowledge = undefined;
  }

  /** The upstream ended the stream that was in use. */
  function over(controller: Aborter, reply: Reply): void {
    if (controller !== current || stopped) return;
    current = undefined;
    if (reply.kind === "error" && reply.error.raw("code")?.toString("latin1") === "-32601") return;
    cancelRetry();
    cancelRetry = clock.after(reconnectMs(undefined, failures++, random), () => void again());
  }

  async function again(): Promise<void> {
    await renew();
    if (current && !stopped) world.gap();
  }

  function hear(message: Message): boolean {
    if (message.kind !== "notification") return false;
    if (message.method === ACKNOWLEDGED) acknowledge?.(message.params);
    else if (message.method === TASK_STATUS) world.task(withoutOwnMeta(message.params ?? NOTHING));
    else return false;
    return true;
  }

  void renew();

  return {
    async watch({ kind, name }) {
      if (!wanted[kind].has(name) || !honoured[kind].has(name)) {
        wanted[kind].add(name);
        await renew();
      }
      return honoured[kind].has(name) ? undefined : UNWATCHED;
    },
    unwatch({ kind, name }) {
      if (wanted[kind].delete(name)) void renew();
    },
    hear,
    stop() {
      stopped = true;
      cancelRetry();
      current?.abort();
    },
  };
}

const announces = (capabilities: Payload, capability: string): boolean =>
  capabilities.object(capability)?.raw("listChanged")?.toString("latin1") === "true";

function namesIn(params: Payload | undefined, kind: Topic["kind"]): Set<string> {
  const raw = params?.object("notifications")?.raw(FILTERS[kind]);
  try {
    const names: unknown = JSON.parse(raw?.toString("utf8") ?? "[]");
    return new Set(Array.isArray(names) ? names.filter(name => typeof name === "string") : []);
  } catch {
    // Long strings of an upstream were not looked at before; whoever spells them wrong has honoured nothing.
    return new Set();
  }
}
