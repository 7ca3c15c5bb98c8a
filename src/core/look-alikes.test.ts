import { describe, expect, it } from "vitest";
import { build, listed, source } from "./catalog.fixture.ts";
import { lookAlikes, skeleton } from "./look-alikes.ts";
import { nativeName, upstreamName } from "./names.ts";
import { finish } from "./steps.ts";

const groups = (kind: "tool" | "resource", ...names: string[]) =>
  finish(
    lookAlikes(
      kind,
      names.map(name => ({ upstream: upstreamName("a"), native: nativeName(name) })),
    ),
  );

describe("T-37 a look-alike", () => {
  it.each([
    ["search", "\u0455earch", "a Cyrillic letter"],
    ["search", "Search", "another case"],
    ["search", "\uff53\uff45\uff41\uff52\uff43\uff48", "full width"],
    ["search", "sea\u200brch", "a space of no width"],
    ["search", "sea\u{e0072}rch", "a tag character"],
    ["search", "search\ufe0f", "a variation selector"],
    ["search", "s\u00adearch", "a soft hyphen"],
    ["search", "\u202esearch", "a change of direction"],
    ["search", "𝓼𝓮𝓪𝓻𝓬𝓱", "mathematical letters"],
    ["caf\u00e9", "cafe\u0301", "another composition"],
    ["pay", "\u0440\u0430\u0443", "Cyrillic alone"],
    ["PAY", "\u0420\u0410\u0423", "Cyrillic capitals"],
    ["a-b", "a\u2010b", "another hyphen"],
    ["list", "l\u0131st", "a letter without its dot"],
    ["LIST", "L\u0130ST", "a capital with a dot"],
    ["list_all", "1ist_a11", "digits"],
    ["log", "l0g", "a nought"],
    ["modify", "rnodify", "two letters for one"],
    ["omega", "\u03bfmega", "a Greek letter"],
    ["read", "\u0433ead", "a Cyrillic letter"],
    ["vault", "\u1d20ault", "a small capital"],
  ])("of %s is %j: %s", (name, other) => {
    expect(skeleton(other)).toBe(skeleton(name));
    expect(groups("tool", name, other)).toHaveLength(1);
  });

  it.each([
    ["search", "research"],
    ["get_user", "get-user"],
    ["get_user", "get_users"],
    ["read", "write"],
    ["cafe", "caf\u00e9"],
    ["поиск", "поезд"],
  ])("is not seen in %s and %s", (name, other) => {
    expect(groups("tool", name, other)).toEqual([]);
  });

  it("is not the same name of another upstream", () => {
    expect(groups("tool", "search", "search")).toEqual([]);
  });

  it("of a URI is another letter, not another case or digit", () => {
    expect(groups("resource", "x://l", "x://1", "x://L")).toEqual([]);
    expect(groups("resource", "x://\u0430", "x://\u0251")).toHaveLength(1);
  });

  it("is shown with at most twenty names, and of very many none costs much", () => {
    const many = Array.from({ length: 30 }, (_, at) => `a${"\u200b".repeat(at)}`);
    expect(groups("tool", ...many)[0]).toMatchObject({ more: 10 });
    const started = process.cpuUsage();
    groups("tool", ...Array.from({ length: 20_000 }, (_, at) => `${at}${"\u0430".repeat(4_000)}`));
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(1_000);
  });
});

describe("T-37 names that look alike", () => {
  it("are shown, and never merged", () => {
    const catalog = build([
      source("a", { tool: ["search", "other"], prompt: ["search"] }),
      source("b", { tool: ["\u0455earch", "Search"] }),
    ]);
    expect(listed(catalog)).toEqual(["search", "other", "u_earch", "Search"]);
    expect(catalog.lookAlikes).toEqual([
      {
        kind: "tool",
        names: [
          { upstream: "a", name: "search" },
          { upstream: "b", name: "\u0455earch" },
          { upstream: "b", name: "Search" },
        ],
        more: 0,
      },
    ]);
    expect(catalog.replicas).toEqual([]);
  });
});
