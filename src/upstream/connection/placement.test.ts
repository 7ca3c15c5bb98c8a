import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Call } from "../../core/call.ts";
import type { Holder } from "../../core/catalog.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { ownerId } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import { NO_CAPABILITIES } from "../../wire/capabilities.ts";
import type { Link } from "../conversation/link.ts";
import { createOccupancy } from "../conversation/occupancy.ts";
import type { Connector, Opened } from "./connector.ts";
import type { Dialer } from "./dial.ts";
import type { OwnerLinks, Tenant } from "./per-agent-links.ts";
import { createPlacement, PLACEMENT } from "./placement.ts";
import type { Transport } from "./transports.ts";

const linkOf = (declared: Payload): Link => ({ era: { name: "legacy" }, declared, isUsed: false }) as unknown as Link;
const callOf = (name: string, capabilities: Payload): Call =>
  ({
    caller: { principal: ANONYMOUS, agent: "test", owner: ownerId(name), capabilities, converses: true },
  }) as unknown as Call;
const REFUSED: Opened = { kind: "failed", fault: "connection_lost", delivery: "not_sent", detail: "one is enough" };
const HOLDER = {} as Holder;
const ABLE = Payload.of({ elicitation: {} });

/** An upstream whose main conversation is being opened; `open` says that it is. It may take no further one. */
function start({ takesOne = false } = {}) {
  const clock = manualClock();
  const opened: Tenant[] = [];
  const waiting: ((opened: Opened) => void)[] = [];
  let main: Link | undefined;
  const placement = createPlacement({
    clock,
    connector: {
      get link() {
        return main;
      },
      demand: () => new Promise(resolve => void waiting.push(resolve)),
    } as unknown as Connector,
    owners: {
      isOpen: () => false,
      has: () => false,
      get(tenant: Tenant): Opened {
        opened.push(tenant);
        return takesOne ? REFUSED : { kind: "open", link: linkOf(tenant.declared) };
      },
    } as unknown as OwnerLinks,
    dialer: { speaks: { legacy: true } } as unknown as Dialer,
    transport: { sharing: () => "alike", startsChild: true } as unknown as Transport,
    hasAsked: () => false,
    reopen: () => {
      main = undefined;
    },
  });
  const open = (link: Link): void => {
    main = link;
    for (const settle of waiting.splice(0)) settle({ kind: "open", link });
  };
  return { clock, placement, open, opened, main: () => main };
}

test("the main conversation is not opened anew while a call is on its way to it", async () => {
  const { placement, open, main } = start();
  const [eve, alice] = [callOf("eve", NO_CAPABILITIES), callOf("alice", ABLE)];
  const calls = [eve, alice].map(call => placement.linkFor(call, HOLDER));
  const link = linkOf(NO_CAPABILITIES);
  open(link);
  expect(await calls[0]).toEqual({ kind: "open", link });
  expect(main()).toBe(link);
});

test("agents that wait for the main conversation while it is opened anew for one of them get that, and no other", async () => {
  const { placement, open, opened } = start();
  const calls = ["alice", "bob"].map(name => placement.linkFor(callOf(name, ABLE), HOLDER));
  open(linkOf(NO_CAPABILITIES));
  await new Promise(setImmediate);
  const link = linkOf(ABLE);
  open(link);
  expect(await Promise.all(calls)).toEqual([
    { kind: "open", link },
    { kind: "open", link },
  ]);
  expect(opened).toEqual([]);
});

test("an agent that waits for the only conversation there can be does not ask for another one each time", async () => {
  const { clock, placement, open, opened } = start({ takesOne: true });
  const occupancy = createOccupancy();
  occupancy.enter(ownerId("alice"));
  const link: Link = { ...linkOf(ABLE), occupancy };
  open(link);
  for (let times = 0; times < 3; times++) {
    const found = placement.linkFor(callOf("bob", ABLE), HOLDER);
    clock.advance(PLACEMENT.patienceMs);
    expect(await found).toEqual({ kind: "open", link });
  }
  expect(opened).toHaveLength(1);
});
