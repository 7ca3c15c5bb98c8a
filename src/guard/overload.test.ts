import { describe, expect, test } from "vitest";
import { broken, type Outcome } from "../core/call.ts";
import { principal, upstreamName } from "../core/names.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { inOrder } from "../core/pass.ts";
import { Payload } from "../core/payload.ts";
import { NO_PRESSURE, type Pressure, SHED_ORDER } from "../core/pressure.ts";
import { aborted } from "../core/signal.ts";
import { callOf, done } from "./call.fixture.ts";
import { overload } from "./overload.ts";

const REFUSED = { kind: "failed", failure: { kind: "overloaded" } };
const under = (level: number): Pressure => ({
  ...NO_PRESSURE,
  level,
  sheds: what => level > SHED_ORDER.indexOf(what),
});
const answers = bringing((): Outcome => done());
const read = callOf({ method: "resources/read" });
const continued = callOf({
  continues: { upstream: upstreamName("a"), ticket: "t", answers: Payload.of({}), refusals: Payload.of({}) },
});

describe("calls of all agents together", () => {
  test("are refused beyond the number that the gateway carries, until one has ended", async () => {
    const running: ((outcome: Outcome) => void)[] = [];
    const handle = promised(
      overload({ pressure: NO_PRESSURE, maxUnderWay: 2 })((_call, done) => void running.push(done)),
    );
    const [first] = [handle(callOf({})), handle(callOf({}))];
    expect(await handle(callOf({}))).toEqual(REFUSED);
    void handle(continued);
    expect(running).toHaveLength(3);
    running.pop()?.(done());
    running[0]?.(done());
    await first;
    void handle(callOf({}));
    expect(running).toHaveLength(3);
  });

  test("leave places for other agents, whichever number of them one makes", async () => {
    const handle = promised(overload({ pressure: NO_PRESSURE, maxUnderWay: 100 })(() => {}));
    const by = (name: string) => ({ ...callOf({}), caller: { ...callOf({}).caller, principal: principal(name) } });
    const answers = Array.from({ length: 200 }, () => handle(by("greedy")));
    expect(await answers.at(-1)).toEqual(REFUSED);
    expect(await Promise.race([handle(by("good")), Promise.resolve("taken")])).toBe("taken");
  });

  test("are not refused when their agents have left, because they only end what waits for those", async () => {
    const handle = promised(overload({ pressure: NO_PRESSURE, maxUnderWay: 0 })(answers));
    expect(await handle(callOf({ signal: aborted() }))).toMatchObject({ kind: "done" });
  });

  test("give their place back when the rest of the way throws", async () => {
    const throwing = (): never => {
      throw new Error("a bug");
    };
    const layers = [overload({ pressure: NO_PRESSURE, maxUnderWay: 1 })];
    const handle = promised(inOrder(layers, throwing, broken));
    const internal = { kind: "failed", failure: { kind: "internal", detail: "Error: a bug" } };
    expect(await handle(callOf({}))).toMatchObject(internal);
    expect(await handle(callOf({}))).toMatchObject(internal);
  });
});

describe("under pressure", () => {
  test("reads are refused before calls of tools", async () => {
    const handle = promised(overload({ pressure: under(4) })(answers));
    expect(await handle(read)).toEqual(REFUSED);
    expect(await handle(callOf({}))).toMatchObject({ kind: "done" });
  });

  test("no new call is taken at last, and one that was asked something goes on", async () => {
    const handle = promised(overload({ pressure: under(5) })(answers));
    expect(await handle(callOf({}))).toEqual(REFUSED);
    expect(await handle(continued)).toMatchObject({ kind: "done" });
  });
});
