import { describe, expect, it } from "vitest";
import { Payload } from "../core/payload.ts";
import { cacheHintOf, strictest } from "./caching.ts";

describe("what a result says about how long it may be kept", () => {
  it.each([
    [
      { ttlMs: 5, cacheScope: "public" },
      { ttlMs: 5, cacheScope: "public" },
    ],
    [
      { ttlMs: 0, cacheScope: "private" },
      { ttlMs: 0, cacheScope: "private" },
    ],
    [{ ttlMs: 5 }, { ttlMs: 5, cacheScope: "private" }],
    [
      { ttlMs: 5, cacheScope: "everyone" },
      { ttlMs: 5, cacheScope: "private" },
    ],
    [{ ttlMs: -1, cacheScope: "public" }, undefined],
    [{ ttlMs: 1.5, cacheScope: "public" }, undefined],
    [{ ttlMs: "5", cacheScope: "public" }, undefined],
    [{ cacheScope: "public" }, undefined],
  ])("%j is %j", (result, hint) => {
    expect(cacheHintOf(Payload.of(result))).toEqual(hint);
  });
});

describe("what holds for several together", () => {
  it("is the shortest time, and for everybody only if every part is", () => {
    const long = { ttlMs: 10, cacheScope: "public" } as const;
    expect(strictest([long, { ttlMs: 3, cacheScope: "public" }])).toEqual({ ttlMs: 3, cacheScope: "public" });
    expect(strictest([long, { ttlMs: 20, cacheScope: "private" }])).toEqual({ ttlMs: 10, cacheScope: "private" });
  });

  it("is nothing where there is nothing", () => {
    expect(strictest([])).toEqual({ ttlMs: 0, cacheScope: "private" });
  });
});
