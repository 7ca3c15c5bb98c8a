import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Fault } from "../core/failure.ts";
import { ownerId } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import type { Opened } from "./connector.ts";
import type { Link } from "./link.ts";
import { createSharing, REFUSED_MS } from "./sharing.ts";

const tenant = (name: string) => ({ owner: ownerId(name), declared: Payload.of({}) });
const failed = (fault: Fault): Opened => ({ kind: "failed", fault, delivery: "refused", detail: "one is enough" });

function setUp() {
  const clock = manualClock();
  const main = {} as Link;
  const open = { main: main as Link | undefined, own: new Set<string>() };
  const sharing = createSharing({ clock, owners: { has: owner => open.own.has(owner) }, main: () => open.main });
  return { clock, main, open, sharing };
}

describe("an upstream that takes no further conversation", () => {
  it("serves whoever it refuses over the one that the gateway holds, from then on", () => {
    const { clock, main, sharing } = setUp();
    expect(sharing.shares(main, tenant("a"))).toBe(false);
    expect(sharing.settle(failed("protocol_error"), main, tenant("a"))).toEqual({ kind: "open", link: main });
    clock.advance(24 * REFUSED_MS);
    expect(sharing.shares(main, tenant("a"))).toBe(true);
    expect(sharing.note).toContain("one is enough");
  });

  it("is not asked by others for a while, and not taken from those who have one", () => {
    const { clock, main, open, sharing } = setUp();
    open.own.add("first");
    sharing.settle(failed("rejected"), main, tenant("a"));
    expect([sharing.shares(main, tenant("b")), sharing.shares(main, tenant("first"))]).toEqual([true, false]);
    clock.advance(REFUSED_MS);
    expect([sharing.shares(main, tenant("b")), sharing.shares(main, tenant("c"))]).toEqual([true, false]);
  });

  it("refuses as it does where that one is over", () => {
    const { main, open, sharing } = setUp();
    open.main = undefined;
    expect(sharing.settle(failed("rejected"), main, tenant("a"))).toEqual(failed("rejected"));
    open.main = {} as Link;
    sharing.settle(failed("rejected"), open.main, tenant("a"));
    const next = {} as Link;
    open.main = next;
    expect([sharing.shares(next, tenant("a")), sharing.note]).toEqual([false, undefined]);
  });

  it.each(["unreachable", "auth_required", "timeout", "cancelled"] as const)("is not one that fails with %s", fault => {
    const { main, sharing } = setUp();
    expect(sharing.settle(failed(fault), main, tenant("a"))).toEqual(failed(fault));
    expect(sharing.note).toBeUndefined();
  });
});
