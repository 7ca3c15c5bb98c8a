import { describe, expect, test } from "vitest";
import { type MarkedProcess, markedIn } from "../../lib/marked-processes.ts";
import { type Platform, platformOf } from "../../lib/platform.ts";
import { signalHolders, sweepLeft } from "./left-processes.ts";

const MARK = "a".repeat(32);
const OTHER = "b".repeat(32);

interface Simulated extends Partial<MarkedProcess> {
  readonly pid: number;
  readonly pipes?: readonly string[];
}

/** A machine on which these processes run; a signal that ends something takes it away. */
function machine(...processes: readonly Simulated[]): {
  platform: Platform;
  sent: string[];
  left(): number[];
  fork(one: Simulated): void;
} {
  const started = (one: Simulated) => ({ group: one.pid, startTime: `start of ${one.pid}`, ...one });
  let running = processes.map(started);
  const sent: string[] = [];
  const end = (isHit: (one: { pid: number; group: number }) => boolean, signal: unknown, name: string): boolean => {
    const isReached = running.some(isHit);
    if (isReached) sent.push(name);
    if (signal === "SIGKILL") running = running.filter(one => !isHit(one));
    return isReached;
  };
  const platform: Platform = {
    ...platformOf("linux"),
    kill: (pid, signal) => end(one => one.pid === pid, signal, `${signal} ${pid}`),
    killGroup: (group, signal) => end(one => one.group === group, signal, `${signal} -${group}`),
    isGroupAlive: group => running.some(one => one.group === group),
    processStartTime: pid => running.find(one => one.pid === pid)?.startTime,
    sight: {
      running: () => running.map(({ pid }) => pid),
      marked: (among = running.map(({ pid }) => pid)) =>
        running
          .filter(({ pid }) => among.includes(pid))
          .flatMap(({ mark, ...one }) => (mark === undefined ? [] : [{ ...one, mark }])),
      ...{ listensOn: () => [], commandOf: () => undefined },
      groupOf: pid => running.find(one => one.pid === pid)?.group,
      pipesOf: pid => running.find(one => one.pid === pid)?.pipes ?? [],
      holds: (pid, pipes) => running.some(one => one.pid === pid && one.pipes?.some(name => pipes.includes(name))),
    },
  };
  const fork = (one: Simulated): void => {
    running = [...running, started(one)];
  };
  return { platform, sent, left: () => running.map(({ pid }) => pid), fork };
}

const group = (pid: number, pipes: readonly string[] = []) => ({ pid, startTime: `start of ${pid}`, pipes });
const left = (...groups: ReturnType<typeof group>[]) => [{ mark: MARK, groups }];

describe("what a killed gateway left", () => {
  test("is not said to hold pipes while it ends", () => {
    const pipes = ["pipe:[1]"];
    const { platform } = machine(
      { pid: 10, group: 10, pipes },
      { pid: 11, group: 10, pipes },
      { pid: 12, group: 12, pipes, mark: MARK },
      { pid: 13, group: 13, pipes },
    );
    const slow = { ...platform, kill: () => true, killGroup: () => true };
    expect(sweepLeft(left(group(10, pipes)), slow).holding).toEqual([13]);
  });

  test("is a group whose leader is gone, known by any member", () => {
    const { platform, sent, left: stay } = machine({ pid: 11, group: 10, mark: MARK }, { pid: 12, group: 10 });
    expect(sweepLeft(left(group(10)), platform)).toEqual({ killed: 1, unproven: [], holding: [] });
    expect([sent, stay()]).toEqual([["SIGKILL -10"], []]);
  });

  test("is a process in a group of another kind, of which the rest is left alone", () => {
    const { platform, sent, left: stay } = machine({ pid: 11, group: 99, mark: MARK }, { pid: 99 });
    // The group on record has ended, and is no reason to say anything.
    expect(sweepLeft(left(group(10)), platform)).toEqual({ killed: 1, unproven: [], holding: [] });
    expect([sent, stay()]).toEqual([["SIGKILL 11"], [99]]);
  });

  test("is a leader without an environment that has the pipes it was given", () => {
    const { platform, left: stay } = machine({ pid: 10, pipes: ["socket:[7]"] });
    expect(sweepLeft(left(group(10, ["socket:[7]"])), platform)).toEqual({ killed: 1, unproven: [], holding: [] });
    expect(stay()).toEqual([]);
  });

  test("is not what only has its number, its time, or another gateway's mark", () => {
    const others = [{ pid: 10, startTime: "later" }, { pid: 20 }, { pid: 31, group: 30, mark: OTHER }];
    const { platform, left: stay } = machine(...others);
    const swept = sweepLeft(left(group(10), group(20, ["socket:[7]"]), group(30)), platform);
    // What took the number later is a stranger for sure; of the others nobody knows.
    expect(swept).toEqual({ killed: 0, unproven: [20, 30], holding: [] });
    expect(stay()).toEqual([10, 20, 31]);
  });

  test("is not a leader of another time, whatever pipes it has", () => {
    const { platform, left: stay } = machine({ pid: 10, startTime: "later", pipes: ["socket:[7]"] });
    expect(sweepLeft(left(group(10, ["socket:[7]"])), platform)).toEqual({ killed: 0, unproven: [], holding: [] });
    expect(stay()).toEqual([10]);
  });

  test("is a leader of that time where the system does not tell what pipes are called", () => {
    const { platform, left: stay } = machine({ pid: 10 }, { pid: 20, startTime: "later" });
    const blind = { ...platform, sight: { ...platform.sight, pipesOf: undefined } };
    const unknown = { pid: 30, startTime: undefined, pipes: [] };
    expect(sweepLeft([{ mark: MARK, groups: [group(10), group(20), unknown] }], blind).killed).toBe(1);
    expect(stay()).toEqual([20]);
  });

  test("is told of, and left alone, where it has a pipe of a child and nothing else", () => {
    const { platform, left: stay } = machine({ pid: 40, pipes: ["socket:[7]"] }, { pid: 41, pipes: ["socket:[8]"] });
    expect(sweepLeft(left(group(10, ["socket:[7]"])), platform)).toEqual({ killed: 0, unproven: [], holding: [40] });
    expect(stay()).toEqual([40, 41]);
  });

  test("is also what comes into being meanwhile, and a process whose start is not known", () => {
    const strange = { pid: 99 };
    const { platform, left: stay, fork } = machine(strange, { pid: 11, group: 99, mark: MARK, startTime: undefined });
    const kill: Platform["kill"] = (pid, signal) => {
      if (pid === 11) fork({ pid: 12, group: 99, mark: MARK });
      return platform.kill(pid, signal);
    };
    expect(sweepLeft(left(), { ...platform, kill }).killed).toBe(2);
    expect(stay()).toEqual([99]);
  });

  test.each([
    ["is led by a process with the mark", { pid: 10, mark: MARK }, []],
    ["has lost its leader", { pid: 12, group: 10, mark: MARK }, []],
    ["is led by a process without the mark", { pid: 10 }, [10, 13]],
  ])("is a group that is not on record and %s", (_, first, stays) => {
    const member = { pid: 11, group: 10, mark: MARK };
    const { platform, left: stay } = machine(first, member, { pid: 13, group: 10 });
    sweepLeft(left(), platform);
    expect(stay()).toEqual(stays);
  });

  test("is looked for a few times only, where it always comes back", () => {
    const { platform, fork } = machine({ pid: 99 }, { pid: 11, group: 99, mark: MARK });
    let pid = 11;
    const kill: Platform["kill"] = () => {
      fork({ pid: ++pid, group: 99, mark: MARK });
      return true;
    };
    // One more that can be seen with each look.
    expect(sweepLeft(left(), { ...platform, kill }).killed).toBe(5);
  });

  test("is never this process", () => {
    const { platform, left: stay } = machine({ pid: process.pid, group: 5, mark: MARK });
    sweepLeft(left(group(10)), platform);
    expect(stay()).toEqual([process.pid]);
  });

  test("is not a process that ended between two looks and whose number is another's", () => {
    const { platform, left: stay } = machine({ pid: 11, group: 99, mark: MARK });
    expect(sweepLeft(left(), { ...platform, processStartTime: () => "later" }).killed).toBe(0);
    expect(stay()).toEqual([11]);
  });
});

test("of an ended child only what holds its pipes outside its group is signalled", async () => {
  const { platform, sent } = machine(
    { pid: 11, group: 10, mark: MARK, pipes: ["socket:[7]"] },
    { pid: 12, mark: MARK, pipes: ["socket:[7]"] },
    { pid: 13, mark: MARK, pipes: ["socket:[8]"] },
    { pid: 14, mark: OTHER, pipes: ["socket:[7]"] },
  );
  const child = group(10, ["socket:[7]"]);
  expect(await signalHolders(child, { mark: MARK, signal: "SIGTERM", platform })).toBe(1);
  expect(sent).toEqual(["SIGTERM 12"]);
});

test("marks are read from what ps prints, whole ones only", () => {
  const text = [
    `  501   500 node server.js PATH=/bin RADIUM_CHILD=${MARK} HOME=/x`,
    `  502   500 node server.js RADIUM_CHILD=${MARK}0`,
    `  503   500 node server.js XRADIUM_CHILD=${MARK}`,
    "  504   500 node",
  ].join("\n");
  expect(markedIn(text)).toEqual([{ pid: 501, group: 500, startTime: undefined, mark: MARK }]);
});
