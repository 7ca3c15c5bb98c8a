import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import type { Fault } from "../../core/failure.ts";
import { ANONYMOUS } from "../../core/names.fixture.ts";
import { ownerId } from "../../core/names.ts";
import { Payload } from "../../core/payload.ts";
import type { Link } from "../conversation/link.ts";
import type { Opened } from "./connector.ts";
import { createCrowding, MAX_SHARERS, REFUSED_MS } from "./crowding.ts";
import type { Tenant } from "./per-agent-links.ts";

const tenant = (name: string): Tenant => ({
  ...{ owner: ownerId(name), opener: ownerId(name), era: "legacy", declared: Payload.of({}), principal: ANONYMOUS },
});
const failed = (fault: Fault): Opened => ({ kind: "failed", fault, delivery: "refused", detail: "one is enough" });

function setUp() {
  const clock = manualClock();
  const main = {} as Link;
  const open = { main: main as Link | undefined, own: new Set<string>() };
  const crowding = createCrowding({ clock, owners: { has: owner => open.own.has(owner) }, main: () => open.main });
  return { clock, main, open, crowding };
}

describe("an upstream that takes no further conversation", () => {
  it("serves whoever it refuses over the one that the gateway holds, from then on", () => {
    const { clock, main, crowding } = setUp();
    expect(crowding.shares(main, tenant("a"))).toBe(false);
    expect(crowding.settle(failed("protocol_error"), main, tenant("a"))).toEqual({ kind: "open", link: main });
    clock.advance(24 * REFUSED_MS);
    expect(crowding.shares(main, tenant("a"))).toBe(true);
    expect(crowding.note).toContain("one is enough");
  });

  it("is not asked by others for a while, and not taken from those who have one", () => {
    const { clock, main, open, crowding } = setUp();
    open.own.add("first");
    crowding.settle(failed("rejected"), main, tenant("a"));
    expect([crowding.shares(main, tenant("b")), crowding.shares(main, tenant("first"))]).toEqual([true, false]);
    clock.advance(REFUSED_MS);
    expect([crowding.shares(main, tenant("b")), crowding.shares(main, tenant("c"))]).toEqual([true, false]);
  });

  it("does not remember for ever all who came and went", () => {
    const { clock, main, crowding } = setUp();
    const names = Array.from({ length: MAX_SHARERS + 1 }, (_, at) => String(at));
    for (const name of names) crowding.settle(failed("rejected"), main, tenant(name));
    clock.advance(REFUSED_MS);
    expect(names.filter(name => !crowding.shares(main, tenant(name)))).toEqual(["0"]);
  });

  it("refuses as it does where that one is over", () => {
    const { main, open, crowding } = setUp();
    open.main = undefined;
    expect(crowding.settle(failed("rejected"), main, tenant("a"))).toEqual(failed("rejected"));
    open.main = {} as Link;
    crowding.settle(failed("rejected"), open.main, tenant("a"));
    const next = {} as Link;
    open.main = next;
    expect([crowding.shares(next, tenant("a")), crowding.note]).toEqual([false, undefined]);
  });

  it.each(["unreachable", "auth_required", "timeout", "cancelled"] as const)("is not one that fails with %s", fault => {
    const { main, crowding } = setUp();
    expect(crowding.settle(failed(fault), main, tenant("a"))).toEqual(failed(fault));
    expect(crowding.note).toBeUndefined();
  });
});
