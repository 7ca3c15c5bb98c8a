import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Caller } from "../../core/call.ts";
import type { Kind } from "../../core/catalog.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { type OwnerId, ownerId, upstreamName } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { NO_CAPABILITIES } from "../../wire/capabilities.ts";
import { createOfferRoom } from "../channel/offer-room.ts";
import type { Connector, Opened } from "../connection/connector.ts";
import type { OwnerLinks, Tenant } from "../connection/per-agent-links.ts";
import type { Placement } from "../connection/placement.ts";
import type { Link } from "../conversation/link.ts";
import { createOfferKeeper } from "./offer-keeper.ts";
import { createOffers, OFFERS } from "./offers.ts";

const ABLE = Payload.of({ elicitation: {} });
const ERA = { name: "legacy", declaresAtOpening: true };

/** An upstream that keeps a session for each agent; `tools` names those of a session. */
function start(tools: (owner: OwnerId | undefined) => readonly string[] = () => ["usual"]) {
  const clock = manualClock();
  let lists = 0;
  const changes: (OwnerId | undefined)[] = [];
  const told: (OwnerId | undefined)[] = [];
  const linkOf = (owner: OwnerId | undefined, declared: Payload): Link =>
    ({
      era: ERA,
      declared,
      capabilities: Payload.of({ tools: { listChanged: true } }),
      serverInfo: undefined,
      instructions: undefined,
      async ask() {
        lists++;
        return { kind: "result", result: Payload.of({ tools: tools(owner).map(name => ({ name })) }) };
      },
    }) as unknown as Link;
  const main = linkOf(undefined, NO_CAPABILITIES);
  const open = new Map<OwnerId, Opened>();
  const owners = {
    isOpen: ({ owner }: Tenant) => owner !== undefined && open.has(owner),
    get({ owner, declared }: Tenant) {
      const opened: Opened = open.get(owner!) ?? { kind: "open", link: linkOf(owner, declared) };
      open.set(owner!, opened);
      return opened;
    },
  } as unknown as OwnerLinks;
  const tenantOf = (_main: Link, { owner, capabilities, principal }: Caller): Tenant => ({
    ...{ owner, opener: owner, era: "legacy", declared: capabilities, principal },
  });
  const base = createOfferKeeper({
    ...{ upstream: upstreamName("u"), clock, known: undefined, inspect: async () => false },
    ...{ changed: () => {}, trouble: () => {} },
  });
  const offers = createOffers({
    ...{ upstream: upstreamName("u"), clock, base, owners, room: createOfferRoom(), inspect: async () => false },
    connector: { link: main, latest: main, demand: async () => ({ kind: "open", link: main }) } as unknown as Connector,
    placement: {
      ...{ tenantOf, adopts: () => false },
      conversationOf: (_main: Link, tenant: Tenant) => owners.get(tenant),
    } as unknown as Placement,
    changed(kinds, owner) {
      changes.push(owner);
      if (kinds.length > 0) told.push(owner);
    },
  });
  const caller = (name: string, capabilities = ABLE): Caller => ({
    ...{ principal: ANONYMOUS, agent: "test", owner: ownerId(name), capabilities, converses: true },
  });
  const seen = (who: Caller, kind: Kind = "tool") => offers.of(who)?.definitions[kind].map(each => each.string("name"));
  return {
    ...{ clock, offers, caller, seen, changes, told, main, base, open },
    lists: () => lists,
    tenant: (who: Caller) => tenantOf(main, who),
  };
}

test("a thousand agents that are alike are offered one and the same object, for one reading and one session", async () => {
  const { offers, base, main, caller, lists, open } = start();
  await base.reread(main);
  const agents = Array.from({ length: 1_000 }, (_, at) => caller(`agent ${at}`));
  for (const agent of agents) await offers.fresh(agent, "tool");
  expect(new Set(agents.map(offers.of)).size).toBe(1);
  expect([lists(), open.size, offers.vary]).toEqual([2, 1, false]);
});

test("an agent of whose session the upstream says that its lists have changed is offered its own, and nobody else", async () => {
  const mine = new Set<string>();
  const { clock, offers, base, main, caller, seen, tenant, changes } = start(owner =>
    owner !== undefined && mine.has(owner) ? ["usual", "own"] : ["usual"],
  );
  await base.reread(main);
  const [ann, bob] = [caller("ann"), caller("bob")];
  await offers.fresh(ann, "tool");
  await offers.fresh(bob, "tool");
  await offers.fresh(ann, "tool");
  mine.add("ann");
  offers.noticed(tenant(ann));
  expect(seen(ann)).toEqual(["usual"]);
  await new Promise(setImmediate);
  clock.advance(500);
  await new Promise(setImmediate);
  expect(changes.at(-1)).toBe("ann");
  expect([seen(ann), seen(bob), offers.vary]).toEqual([["usual", "own"], ["usual"], true]);
  offers.ended(tenant(ann));
  expect(offers.vary).toBe(false);
});

test("agents that can be asked for the same are offered what the first of them was, others what is theirs", async () => {
  const { offers, base, main, caller, seen, lists } = start(owner => (owner === undefined ? ["usual"] : ["able"]));
  await base.reread(main);
  const [ann, bob, eve] = [caller("ann"), caller("bob"), caller("eve", NO_CAPABILITIES)];
  for (const agent of [ann, bob, eve]) await offers.fresh(agent, "tool");
  expect([seen(ann), seen(bob), seen(eve), lists()]).toEqual([["able"], ["able"], ["usual"], 2]);
});

test("a list is waited for so long, and then given out as it was; whoever comes next does not wait", async () => {
  const { offers, base, main, caller, clock, seen } = start();
  await base.reread(main);
  let answer: (reply: unknown) => void = () => {};
  Object.assign(main, { ask: () => new Promise(resolve => (answer = resolve)) });
  const eve = caller("eve", NO_CAPABILITIES);
  base.doubt();
  const waits = offers.fresh(eve, "tool");
  clock.advance(OFFERS.waitMs);
  await waits;
  expect([seen(eve), offers.fresh(eve, "tool")]).toEqual([["usual"], undefined]);
  answer({ kind: "result", result: Payload.of({ tools: [{ name: "new" }] }) });
  await new Promise(setImmediate);
  expect(seen(eve)).toEqual(["new"]);
});

test("what was read for all is what everybody is offered until it is known better", async () => {
  const names = ["usual"];
  const { offers, base, main, caller, seen } = start(() => names);
  await base.reread(main);
  const ann = caller("ann");
  await offers.fresh(ann, "tool");
  const before = base.offer;
  names.push("new");
  await base.reread(main);
  offers.rebased(before, base.offer!);
  expect([seen(ann), offers.vary]).toEqual([["usual", "new"], false]);
});

test("what those are offered who share a conversation is read anew when that conversation is another one", async () => {
  let names = ["able"];
  const { offers, base, main, caller, seen, open, tenant } = start(owner => (owner === undefined ? ["usual"] : names));
  await base.reread(main);
  const ann = caller("ann");
  await offers.fresh(ann, "tool");
  open.clear();
  names = ["able", "new"];
  offers.ended({ ...tenant(ann), owner: undefined });
  await offers.fresh(caller("bob"), "tool");
  expect(seen(caller("bob"))).toEqual(["able", "new"]);
});

test("news of lists in one conversation make those doubtful that others like its agent are offered", async () => {
  let names = ["able"];
  const { offers, base, main, caller, seen, tenant } = start(owner => (owner === undefined ? ["usual"] : names));
  await base.reread(main);
  const ann = caller("ann");
  await offers.fresh(ann, "tool");
  names = ["able", "new"];
  offers.noticed(tenant(ann));
  await offers.fresh(caller("bob"), "tool");
  expect(seen(caller("bob"))).toEqual(["able", "new"]);
});

test.each(["afterwards", "meanwhile"])(
  "an agent that sees for itself what is new is told of it all the same, where the news come %s",
  async order => {
    let names = ["able"];
    const { offers, base, main, caller, seen, tenant, told } = start(owner =>
      owner === undefined ? ["usual"] : names,
    );
    await base.reread(main);
    const ann = caller("ann");
    for (let lists = 0; lists < 2; lists++) await offers.fresh(ann, "tool");
    names = ["able", "new"];
    if (order === "afterwards") offers.doubt(tenant(ann));
    else offers.noticed(tenant(ann));
    await offers.fresh(ann, "tool");
    if (order === "afterwards") offers.noticed(tenant(ann));
    expect([seen(ann), told]).toEqual([["able", "new"], ["ann"]]);
  },
);

test("agents that are alike are told of what one of them has seen for itself", async () => {
  let names = ["able"];
  const { offers, base, main, caller, open, told } = start(owner => (owner === undefined ? ["usual"] : names));
  await base.reread(main);
  await offers.fresh(caller("ann"), "tool");
  open.clear();
  expect(told).toEqual([]);
  names = ["able", "new"];
  offers.doubt(undefined);
  await offers.fresh(caller("bob"), "tool");
  expect(told).toEqual([undefined]);
});
