import type { Kind } from "../core/catalog.ts";
import { hasTasks, TASKS_CAPABILITIES } from "../core/extensions.ts";
import { concerns, type Front, type Subscription } from "../core/front.ts";
import type { Keeper } from "../core/ledger-entries.ts";
import { Payload } from "../core/payload.ts";
import type { Clock } from "../core/ports.ts";
import type { Signal } from "../core/signal.ts";
import { waitFor } from "../core/wait.ts";
import type { CallAnswer } from "../wire/era.ts";
import { notificationText, type RawId } from "../wire/message.ts";
import { LIST_CHANGED_OF } from "../wire/methods.ts";
import { CODES, errorOf, wireError } from "../wire/rpc-errors.ts";
import { META } from "../wire/versions.ts";
import type { Agent } from "./agent.ts";
import { holdStream } from "./streams.ts";
import { watchBytes } from "./watches.ts";

export const LISTEN = {
  /** How long an upstream may take to promise that it will tell of a resource. */
  patienceMs: 3_000,
  maxResources: 1_000,
  maxTasks: 1_000,
} as const;

export interface Listening {
  readonly id: RawId;
  readonly params: Payload;
  readonly keeper: Keeper;
  readonly clock: Clock;
  /** Fires when the agent has had enough, or is gone. */
  readonly signal: Signal;
  tell(notification: Buffer): void;
  /** Takes the function that ends the subscription from our side. */
  hold(stop: () => void): void;
}

type Flag = "toolsListChanged" | "promptsListChanged" | "resourcesListChanged";

const FLAG_OF: Readonly<Record<Kind, Flag>> = {
  tool: "toolsListChanged",
  prompt: "promptsListChanged",
  resource: "resourcesListChanged",
  template: "resourcesListChanged",
};
const FLAGS: readonly Flag[] = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"];

interface Filter {
  readonly flags: readonly Flag[];
  readonly uris: readonly string[];
  readonly taskIds: readonly string[];
}

const LIST_METHODS: ReadonlySet<string> = new Set(Object.values(LIST_CHANGED_OF));
const EMPTY = Payload.of({});
/** https://modelcontextprotocol.io/extensions/tasks: tasks are not told of to whoever has not declared them. */
const CANNOT_FOLLOW = errorOf({ kind: "missing_capability", required: TASKS_CAPABILITIES });

/**
 * Tells an agent of changes until one of the two ends it; what it resolves with is the answer to the request then.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
 */
export async function listen(front: Front, agent: Agent, listening: Listening): Promise<CallAnswer> {
  const { id, clock, signal } = listening;
  const filter = readFilter(listening.params.object("notifications"));
  if (typeof filter === "string") return { kind: "error", error: wireError(CODES.invalidParams, filter) };
  if (filter.taskIds.length > 0 && !hasTasks(agent.caller.capabilities)) return { kind: "error", error: CANNOT_FOLLOW };
  let stop = (): void => {
    isOver = true;
  };
  let isOver = false;
  const bytes = filterBytes(filter) + listening.params.size;
  const held = holdStream(front.ledger, listening.keeper, { bytes, stop: () => stop(), of: () => undefined });
  if (!held) return { kind: "error", error: errorOf({ kind: "crowded" }) };
  const subscriptionId = id.toString("utf8");
  const early = new Map<string, Buffer>();
  let acknowledged = false;

  /** Nothing comes before the acknowledgement; what has changed until then is told once, after it. */
  function tell(key: string, method: string, params: Payload): void {
    const meta = (params.object("_meta") ?? EMPTY).with({ [META.subscriptionId]: subscriptionId });
    const text = notificationText(method, params.with({ _meta: meta.bytes }));
    if (acknowledged) listening.tell(text);
    else early.set(key, text);
  }

  const unsubscribe = front.onChange(change => {
    if (!concerns(change, agent.view, agent.caller.owner)) return;
    const wanted = change.kinds.filter(kind => filter.flags.includes(FLAG_OF[kind]));
    for (const method of new Set(wanted.map(kind => LIST_CHANGED_OF[kind]))) tell(method, method, EMPTY);
  });
  const open = await subscribeAll(front, agent, { filter, clock, tell });
  if (filter.flags.length + open.size > 0) held.worked();
  if (!signal.aborted) {
    listening.tell(acknowledgement(subscriptionId, honouredOf(filter, open)));
    acknowledged = true;
    for (const [key, text] of early) if (open.has(key) || LIST_METHODS.has(key)) listening.tell(text);
    await waitFor<void>({ aborted: { signal, gives: () => {} } }, end => {
      stop = end;
      listening.hold(end);
      if (isOver) end();
    });
  }
  held.end();
  unsubscribe();
  for (const close of open.values()) close();
  const meta = `{"${META.subscriptionId}":${subscriptionId}}`;
  return { kind: "result", result: Payload.of({ resultType: "complete" }).with({ _meta: meta }) };
}

/** What it takes to hear of all that is asked for. */
const filterBytes = ({ uris, taskIds }: Filter): number =>
  [...uris, ...taskIds].reduce((bytes, name) => bytes + watchBytes(name), 0);

function readFilter(asked: Payload | undefined): Filter | string {
  if (!asked) return "params.notifications must be an object";
  const uris = namesIn(asked, "resourceSubscriptions", LISTEN.maxResources);
  const taskIds = namesIn(asked, "taskIds", LISTEN.maxTasks);
  if (typeof uris === "string") return uris;
  if (typeof taskIds === "string") return taskIds;
  const flags = FLAGS.filter(flag => asked.raw(flag)?.toString("latin1") === "true");
  return { flags, uris, taskIds };
}

/** Each once; a text says what is wrong with them. */
function namesIn(asked: Payload, member: string, max: number): string[] | string {
  const names = asked.has(member) ? asked.value<Record<string, unknown>>()[member] : [];
  const where = `params.notifications.${member}`;
  if (!Array.isArray(names) || !names.every(name => typeof name === "string"))
    return `${where} must be an array of strings`;
  return names.length > max ? `${where} must not have more than ${max} members` : [...new Set(names)];
}

interface Wanted {
  readonly filter: Filter;
  readonly clock: Clock;
  tell(key: string, method: string, params: Payload): void;
}

const keyOfResource = (uri: string): string => `resource ${uri}`;
const keyOfTask = (taskId: string): string => `task ${taskId}`;

/** Resolves with what was promised in time, as the function that ends it. */
async function subscribeAll(front: Front, agent: Agent, wanted: Wanted): Promise<Map<string, () => void>> {
  const { filter, clock, tell } = wanted;
  const { view, caller } = agent;
  const open = new Map<string, () => void>();
  if (filter.uris.length + filter.taskIds.length === 0) return open;
  let late = false;
  let cancel = (): void => {};
  const keep = async (key: string, asked: Promise<Subscription>): Promise<void> => {
    const subscription = await asked;
    if (subscription.kind !== "open") return;
    if (late) subscription.close();
    else open.set(key, () => subscription.close());
  };
  const subscribe = (uri: string): Promise<void> => {
    const key = keyOfResource(uri);
    const updated = (params: Payload): void => tell(key, "notifications/resources/updated", params);
    return keep(key, front.subscribe({ view, caller, uri, updated }));
  };
  const follow = (taskId: string): Promise<void> => {
    const key = keyOfTask(taskId);
    const told = (params: Payload): void => tell(key, "notifications/tasks", params);
    return keep(key, front.follow({ view, caller, taskId, told }));
  };
  const patience = new Promise<void>(resolve => {
    cancel = clock.after(LISTEN.patienceMs, resolve);
  });
  await Promise.race([Promise.all([...filter.uris.map(subscribe), ...filter.taskIds.map(follow)]), patience]);
  cancel();
  late = true;
  return open;
}

/** What of a filter is really heard of. */
const honouredOf = ({ flags, uris, taskIds }: Filter, open: ReadonlyMap<string, unknown>): Filter => ({
  flags,
  uris: uris.filter(uri => open.has(keyOfResource(uri))),
  taskIds: taskIds.filter(taskId => open.has(keyOfTask(taskId))),
});

function acknowledgement(subscriptionId: string, { flags, uris, taskIds }: Filter): Buffer {
  const honoured = {
    ...Object.fromEntries(flags.map(flag => [flag, true])),
    ...(uris.length > 0 && { resourceSubscriptions: uris }),
    ...(taskIds.length > 0 && { taskIds }),
  };
  const params = `{"_meta":{"${META.subscriptionId}":${subscriptionId}},"notifications":${JSON.stringify(honoured)}}`;
  return notificationText("notifications/subscriptions/acknowledged", Payload.parse(params));
}
