import { describe, expect, it } from "vitest";
import { awaited, broken, type Call, type Layer, type Outcome } from "./call.ts";
import { inOrder, type Pass, resuming, returning, type Step } from "./pass.ts";
import { callOf, holder } from "./route.fixture.ts";

const BUG = new Error("a bug");
const throwing = (): never => {
  throw BUG;
};

/** What each step saw of a request through them, in the order in which it saw it. */
function pass(steps: readonly Step<string, string>[], last: Pass<string, string> = (asked, done) => done(asked)) {
  const seen: string[] = [];
  const ends: string[] = [];
  const before: Step<string, string> = next => (asked, done) =>
    next(
      asked,
      returning(done, String, (brought: string) => {
        seen.push(brought);
        return brought;
      }),
    );
  inOrder([before, ...steps], last, error => `broken by ${error}`)("asked", brought => void ends.push(brought));
  return { seen, ends };
}

describe("steps in order", () => {
  it("pass on from the first to the last, and back, in the same turn", () => {
    const marking =
      (mark: string): Step<string, string> =>
      next =>
      (asked, done) =>
        next(`${asked} ${mark}`, brought => done(`${brought} ${mark}`));
    expect(pass([marking("a"), marking("b")]).ends).toEqual(["asked a b b a"]);
  });

  it("end what they were asked once when one throws on the way in, and those before it see that", () => {
    expect(pass([() => throwing])).toEqual({ seen: ["broken by Error: a bug"], ends: ["broken by Error: a bug"] });
    expect(pass([], throwing)).toEqual({ seen: ["broken by Error: a bug"], ends: ["broken by Error: a bug"] });
  });

  it("end it once when one throws on the way back", () => {
    const step: Step<string, string> = next => (asked, done) =>
      next(
        asked,
        returning(done, () => "broken", throwing),
      );
    expect(pass([step])).toEqual({ seen: ["broken"], ends: ["broken"] });
  });

  it("end it once when one throws after it has waited", () => {
    const waiting: ((waited: string) => void)[] = [];
    const step: Step<string, string> = () => (_asked, done) =>
      void waiting.push(resuming(done, () => "broken", throwing));
    const { seen, ends } = pass([step]);
    expect(ends).toEqual([]);
    for (const resume of waiting) resume("now");
    expect({ seen, ends }).toEqual({ seen: ["broken"], ends: ["broken"] });
  });
});

it("a call that runs into a bug fails by itself, and can be awaited", async () => {
  const layer: Layer = next => (call: Call, done) => (call.method === "bug" ? throwing() : next(call, done));
  const answered: Outcome = { kind: "failed", failure: { kind: "overloaded" } };
  const handle = inOrder([layer], (_call, done) => done(answered), broken);
  const [bug, other] = ["bug", "other"].map(method => awaited(handle, callOf([holder("a")], { method })));
  expect(await bug).toEqual({ kind: "failed", failure: { kind: "internal", detail: "Error: a bug", cause: BUG } });
  expect(await other).toBe(answered);
});
