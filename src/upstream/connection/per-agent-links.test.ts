import { expect, test } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { type OwnerId, ownerId, type Principal, principal } from "../../core/names.ts";
import { NO_CAPABILITIES } from "../../wire/capabilities.ts";
import type { Link } from "../conversation/link.ts";
import type { Opened } from "./connector.ts";
import { createOwnerLinks, type Tenant } from "./per-agent-links.ts";

const GONE: Opened = { kind: "failed", fault: "cancelled", delivery: "not_sent", detail: "stopped" };

const tenantOf = (owner: OwnerId, whose: Principal = ANONYMOUS): Tenant => ({
  ...{ owner, opener: owner, era: "legacy", declared: NO_CAPABILITIES, principal: whose },
});

test("stopping waits for conversations that are being opened or ended, since a child may be behind them", async () => {
  const openings: ((opened: Opened) => void)[] = [];
  let ended = (): void => {};
  const link = {
    discard: () =>
      new Promise<void>(resolve => {
        ended = resolve;
      }),
  } as unknown as Link;
  const owners = createOwnerLinks({
    ...{ clock: manualClock(), max: 10, ended: () => {} },
    open: () => new Promise(resolve => void openings.push(resolve)),
    opened: () => {},
    isNeeded: () => false,
  });
  const [ann, bob, eve] = ["ann", "bob", "eve"].map(name => ownerId(name));
  const opened = [ann, bob, eve].map(owner => owners.get(tenantOf(owner!)));
  openings[0]?.({ kind: "open", link });
  await opened[0];
  owners.drop(link);
  owners.release(bob!);

  const order: string[] = [];
  const stopping = owners.stop().then(() => order.push("stopped"));
  for (const [what, settle] of [
    ["dropped", () => ended()],
    ["released", () => openings[1]?.(GONE)],
    ["being opened", () => openings[2]?.(GONE)],
  ] as const) {
    await new Promise(setImmediate);
    order.push(what);
    settle();
  }
  await stopping;
  expect(order).toEqual(["dropped", "released", "being opened", "stopped"]);
});

test("a conversation that is still being opened for its agent does not make room for another one", async () => {
  const openings: ((opened: Opened) => void)[] = [];
  let closed = 0;
  const link = { inUse: false, close: async () => void closed++ } as unknown as Link;
  const owners = createOwnerLinks({
    ...{ clock: manualClock(), max: 1, ended: () => {} },
    open: () => new Promise(resolve => void openings.push(resolve)),
    opened: () => {},
    isNeeded: () => false,
  });
  const ann = owners.get(tenantOf(ownerId("ann")));
  const bob = owners.get(tenantOf(ownerId("bob")));
  for (const open of openings) open({ kind: "open", link });
  expect(await ann).toEqual({ kind: "open", link });
  expect(await bob).toMatchObject({ kind: "failed", fault: "overloaded" });
  expect(closed).toBe(0);
  await owners.stop();
});

test("whoever has many conversations makes room with the one that it used longest ago, and nobody else", async () => {
  const closed: string[] = [];
  const owners = createOwnerLinks({
    ...{ clock: manualClock(), max: 10, ended: () => {} },
    open: async ({ opener }) => ({
      kind: "open",
      link: { inUse: false, close: async () => void closed.push(opener) } as unknown as Link,
    }),
    opened: () => {},
    isNeeded: () => false,
  });
  const open = (name: string, whose: string) => owners.get(tenantOf(ownerId(name), principal(whose)));
  await open("good", "good");
  for (let at = 0; at < 12; at++) await open(`greedy ${at}`, "greedy");
  await open("new", "new");
  expect(closed).toEqual(["greedy 0", "greedy 1", "greedy 2", "greedy 3"]);
  await owners.stop();
});
