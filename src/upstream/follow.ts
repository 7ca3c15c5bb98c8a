import { Payload } from "../core/payload.ts";
import type { Message } from "../wire/message.ts";
import type { Channel } from "./channel.ts";
import type { HttpChannel } from "./http.ts";
import { type Link, NO_TIMEOUT_MS } from "./link.ts";

export interface ChangeListener {
  message(message: Message): void;
  readonly signal: AbortSignal;
}

/** How the upstreams of an era tell that their lists have changed. */
const FEEDS: Readonly<Record<Link["era"]["name"], (link: Link, listener: ChangeListener) => void>> = {
  legacy: link => {
    if (hasStream(link.channel)) link.channel.openStream(link.era.headers(link.version));
  },
  modern: (link, listener) => void subscribe(link, listener),
};

export const followChanges = (link: Link, listener: ChangeListener): void => FEEDS[link.era.name](link, listener);

const hasStream = (channel: Channel): channel is HttpChannel => "openStream" in channel;

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions */
async function subscribe(link: Link, { message, signal }: ChangeListener): Promise<void> {
  const filter = Object.fromEntries(
    Object.entries(FILTERS)
      .filter(([capability]) => announces(link.capabilities, capability))
      .map(([, flag]) => [flag, true]),
  );
  if (Object.keys(filter).length === 0) return;
  const params = Payload.of({ notifications: filter });
  await link.ask("subscriptions/listen", params, { timeoutMs: NO_TIMEOUT_MS, signal, onMessage: message });
}

const FILTERS = {
  tools: "toolsListChanged",
  prompts: "promptsListChanged",
  resources: "resourcesListChanged",
} as const;

const announces = (capabilities: Payload, capability: string): boolean =>
  capabilities.object(capability)?.raw("listChanged")?.toString("latin1") === "true";
