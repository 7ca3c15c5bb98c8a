import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { Secret } from "../../lib/secret.ts";
import { CredentialError, cachedToken } from "./credentials.ts";
import { failure } from "./faults.ts";

function source({ lifetimeMs }: { lifetimeMs: number | undefined } = { lifetimeMs: 600_000 }) {
  const clock = manualClock();
  let fetches = 0;
  let failing = false;
  const tokens = cachedToken({
    clock,
    fetch: async () => {
      fetches++;
      if (failing) throw new CredentialError(failure("unreachable", "not_sent", "down"));
      return { token: new Secret(`t${fetches}`), lifetimeMs };
    },
  });
  const fail = (value: boolean): void => {
    failing = value;
  };
  return { clock, tokens, fail, fetches: () => fetches };
}

describe("a cached token", () => {
  it("is fetched once for everybody who waits, then given at once", async () => {
    const { tokens, fetches } = source();
    expect(await Promise.all(Array.from({ length: 100 }, () => tokens.token()))).toEqual(Array(100).fill("t1"));
    expect(tokens.token()).toBe("t1");
    expect(fetches()).toBe(1);
  });

  it.each([
    [600_000, 540_000],
    [10_000, 9_000],
    [3_600_000, 3_540_000],
    [undefined, 3_540_000],
    [Number.POSITIVE_INFINITY, 86_340_000],
    [1e300, 86_340_000],
    [0, 900],
  ])("that lives for %s ms is renewed after %s ms", async (lifetimeMs, goodMs) => {
    const { tokens, clock } = source({ lifetimeMs });
    await tokens.token();
    clock.advance(goodMs - 1);
    expect(tokens.token()).toBe("t1");
    clock.advance(1);
    expect(await tokens.token()).toBe("t2");
  });

  it("that was refused is replaced once, however many say so", async () => {
    const { tokens, fetches } = source();
    const first = await tokens.token();
    const replaced = Array.from({ length: 100 }, () => {
      tokens.invalidate(first);
      return tokens.token();
    });
    expect(new Set(await Promise.all(replaced))).toEqual(new Set(["t2"]));
    tokens.invalidate(first);
    expect(tokens.token()).toBe("t2");
    expect(fetches()).toBe(2);
  });

  it("is not asked for more than once a second while that fails", async () => {
    const { tokens, clock, fail, fetches } = source();
    fail(true);
    for (let turn = 0; turn < 5; turn++) await expect(tokens.token()).rejects.toBeInstanceOf(CredentialError);
    expect(fetches()).toBe(1);
    fail(false);
    clock.advance(1_000);
    expect(await tokens.token()).toBe("t2");
  });

  it("is asked for more and more seldom while that goes on failing", async () => {
    const { tokens, clock, fail, fetches } = source();
    fail(true);
    for (let second = 0; second < 300; second++, clock.advance(1_000)) {
      await expect(tokens.token()).rejects.toBeInstanceOf(CredentialError);
    }
    // After 1, 3, 7, 15, 31 and 63 seconds, then once a minute.
    expect(fetches()).toBe(10);
    fail(false);
    clock.advance(60_000);
    await tokens.token();
    tokens.invalidate("t11");
    fail(true);
    await expect(tokens.token()).rejects.toBeInstanceOf(CredentialError);
    clock.advance(1_000);
    await expect(tokens.token()).rejects.toBeInstanceOf(CredentialError);
    expect(fetches()).toBe(13);
  });

  it("that is refused again and again is not replaced for each call", async () => {
    const { tokens, clock, fetches } = source();
    for (let call = 0; call < 1_000; call++) await Promise.resolve(tokens.token()).then(tokens.invalidate, () => {});
    expect(fetches()).toBe(10);
    clock.advance(1_000);
    expect(await tokens.token()).toBe("t11");
  });
});
