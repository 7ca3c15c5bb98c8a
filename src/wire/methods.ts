import type { Kind } from "../core/catalog.ts";
import { foldedKey, twinsOf } from "../core/key-twins.ts";
import type { Payload } from "../core/payload.ts";

/** What a request is about: the catalog entry that its parameters name. */
export interface Target {
  readonly kind: Kind;
  readonly name: string;
}

/** A method that an upstream answers. */
export interface CallMethod {
  /** `undefined` when the parameters do not name anything. */
  target(params: Payload): Target | undefined;
  /** The same parameters with the native name in place of the public one. */
  rename(params: Payload, native: string): Payload;
}

/** A method that the catalog answers. */
export interface ListMethod {
  readonly kind: Kind;
  /** Member of the result that holds the definitions. */
  readonly member: string;
  /** Capability without which a server does not offer the method. */
  readonly capability: "tools" | "prompts" | "resources";
}

const named = (kind: Kind, member: "name" | "uri"): CallMethod => ({
  target: params => {
    const name = params.string(member);
    return name === undefined ? undefined : { kind, name };
  },
  rename: (params, native) =>
    params.string(member) === native ? params : params.with({ [member]: JSON.stringify(native) }),
});

/** A completion is about a prompt or about a resource template. */
const completion: CallMethod = {
  target: params => {
    const ref = params.object("ref");
    const name = ref?.string("name");
    if (ref?.string("type") === "ref/prompt" && name !== undefined) return { kind: "prompt", name };
    const uri = ref?.string("uri");
    return ref?.string("type") === "ref/resource" && uri !== undefined ? { kind: "template", name: uri } : undefined;
  },
  rename: (params, native) => {
    const ref = params.object("ref");
    const member = ref?.string("type") === "ref/prompt" ? "name" : "uri";
    if (!ref || ref.string(member) === native) return params;
    return params.with({ ref: ref.with({ [member]: JSON.stringify(native) }).bytes });
  },
};

export const CALL_METHODS: ReadonlyMap<string, CallMethod> = new Map([
  ["tools/call", named("tool", "name")],
  ["prompts/get", named("prompt", "name")],
  ["resources/read", named("resource", "uri")],
  ["completion/complete", completion],
]);

/** A task is named by the id that its start gave. https://modelcontextprotocol.io/extensions/tasks */
export const TASK_METHODS: ReadonlySet<string> = new Set(["tasks/get", "tasks/update", "tasks/cancel"]);

/**
 * What is between an agent and whoever it talks to, or is answered by the gateway for everybody: an upstream would
 * answer for itself alone.
 */
const KEPT_HERE: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
  "subscriptions/listen",
]);

/** What upstreams ask agents. */
const ASKED: ReadonlySet<string> = new Set(["roots/list", "sampling/createMessage", "elicitation/create"]);

/** Whether the protocol has this method or notification, so that its parameters mean something here. */
export const isKnown = (method: string): boolean =>
  method.startsWith("notifications/") ? !isVendors(method) : ASKED.has(method) || !isForwarded(method);

/** Notifications that mean something to the gateway, or are between it and an upstream. */
const KEPT_NOTIFICATIONS =
  /^notifications\/(?:initialized|cancelled|progress|message|(?:tools|prompts|resources|roots|tasks|subscriptions|elicitation)(?:\/.*)?)$/;

/** Whether nothing is known about a notification: it is for whoever knows the extension that it belongs to. */
export const isVendors = (notification: string): boolean => !KEPT_NOTIFICATIONS.test(foldedKey(notification));

export const LIST_METHODS: ReadonlyMap<string, ListMethod> = new Map<string, ListMethod>([
  ["tools/list", { kind: "tool", member: "tools", capability: "tools" }],
  ["prompts/list", { kind: "prompt", member: "prompts", capability: "prompts" }],
  ["resources/list", { kind: "resource", member: "resources", capability: "resources" }],
  ["resources/templates/list", { kind: "template", member: "resourceTemplates", capability: "resources" }],
]);

/** Methods that mean something here, and could be meant by one that is spelled nearly so. */
const OWN = twinsOf([...CALL_METHODS.keys(), ...LIST_METHODS.keys(), ...TASK_METHODS, ...KEPT_HERE], foldedKey);

/** Whether a method that nothing is known about may go to an upstream as it is. */
export const isForwarded = (method: string): boolean =>
  !OWN.has(method) && OWN.of(method) === undefined && !/^(tasks|notifications)\//.test(foldedKey(method));

/** Which list a notification says has changed. */
export const LIST_CHANGED: ReadonlyMap<string, readonly Kind[]> = new Map<string, readonly Kind[]>([
  ["notifications/tools/list_changed", ["tool"]],
  ["notifications/prompts/list_changed", ["prompt"]],
  ["notifications/resources/list_changed", ["resource", "template"]],
]);

export const LIST_CHANGED_OF: Readonly<Record<Kind, string>> = {
  tool: "notifications/tools/list_changed",
  prompt: "notifications/prompts/list_changed",
  resource: "notifications/resources/list_changed",
  template: "notifications/resources/list_changed",
};

/** Least to most severe. https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging */
export const LOG_LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"] as const;

export const isLogLevel = (level: string): boolean => (LOG_LEVELS as readonly string[]).includes(level);

/** Whether a message of `level` is severe enough for somebody who asked for `least`. Unknown levels always are. */
export function isSevereEnough(level: string | undefined, least: string): boolean {
  const at = (LOG_LEVELS as readonly string[]).indexOf(level ?? "");
  return at < 0 || at >= (LOG_LEVELS as readonly string[]).indexOf(least);
}
