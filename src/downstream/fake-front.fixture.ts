import { buildCatalog } from "../core/build-catalog.ts";
import type { Call, Outcome, View } from "../core/call.ts";
import { source } from "../core/catalog.fixture.ts";
import type { Kind } from "../core/catalog.ts";
import type { AgentContact, Front, SubscribeRequest, Subscription } from "../core/front.ts";
import { Payload } from "../core/payload.ts";

type Profile = ReturnType<NonNullable<ReturnType<Front["view"]>>["profile"]>;

/** A front whose upstream is a function. */
export interface FakeFront extends Front {
  readonly calls: Call[];
  readonly subscribed: (SubscribeRequest & { closed: boolean })[];
  readonly contacts: Map<string, AgentContact>;
  readonly released: string[];
  changed(kinds: readonly Kind[], view?: View): void;
}

export interface FakeFrontOptions {
  handle?(call: Call, round: number): Promise<Outcome> | Outcome;
  subscribe?(request: SubscribeRequest): Promise<Subscription> | undefined;
}

export const done = (result: object): Outcome => ({ kind: "done", result: Payload.of(result) });
export const asks = (questions: object, ticket = "sealed"): Outcome => ({
  kind: "asks",
  questions: Payload.of(questions),
  ticket,
});
export const echoed: Outcome = done({ content: [{ type: "text", text: "done" }] });

export function fakeFront(options: FakeFrontOptions = {}): FakeFront {
  const catalog = buildCatalog({
    sources: [source("a", { tool: ["run"], resource: ["test://one"] })],
    strategy: "auto_prefix",
    naming: "auto",
    maxNameLength: 46,
    repair: true,
  });
  const listeners = new Set<(view: View, kinds: readonly Kind[]) => void>();
  const calls: Call[] = [];
  const subscribed: FakeFront["subscribed"] = [];
  const contacts = new Map<string, AgentContact>();
  const released: string[] = [];
  const hint = { ttlMs: 0, cacheScope: "private" } as const;
  const profile: Profile = {
    capabilities: Payload.of({}),
    instructions: undefined,
    serverInfo: Payload.of({ name: "rad", version: "1" }),
    hint,
  };
  return {
    ...{ calls, subscribed, contacts, released },
    async handle(call) {
      calls.push(call);
      return (await options.handle?.(call, calls.length)) ?? echoed;
    },
    view: () => ({
      catalog: () => catalog,
      profile: () => profile,
      page: () => undefined,
      settled: async () => {},
      hint: () => hint,
      owner: () => ({ kind: "unknown", nearest: [] }),
    }),
    async subscribe(request) {
      const own = options.subscribe?.(request);
      if (own) return own;
      const entry = { ...request, closed: false };
      subscribed.push(entry);
      return {
        kind: "open",
        close() {
          entry.closed = true;
        },
      };
    },
    attend(owner, contact) {
      contacts.set(owner, contact);
      return () => void contacts.delete(owner);
    },
    release: owner => void released.push(owner),
    onChange(receive) {
      listeners.add(receive);
      return () => listeners.delete(receive);
    },
    changed(kinds, view = { kind: "all" }) {
      for (const listener of listeners) listener(view, kinds);
    },
  };
}
