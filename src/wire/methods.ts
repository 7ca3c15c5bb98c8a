import type { Kind } from "../core/catalog.ts";
import { foldedKey, twinsOf } from "../core/key-twins.ts";
import { METHODS } from "../core/methods.ts";

/** A method that the catalog answers. */
export interface ListMethod {
  readonly kind: Kind;
  /** Member of the result that holds the definitions. */
  readonly member: string;
  /** Capability without which a server does not offer the method. */
  readonly capability: "tools" | "prompts" | "resources";
}

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
const OWN = twinsOf([...Object.keys(METHODS), ...LIST_METHODS.keys(), ...KEPT_HERE], foldedKey);

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
