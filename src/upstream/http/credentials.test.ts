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
});
