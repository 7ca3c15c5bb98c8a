import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { watchedChildren } from "../../../test/fixtures/children.ts";
import { platformOf } from "../../lib/platform.ts";
import { createProcessRegistry, type RecordedGroup, sweepGroups } from "./process-registry.ts";

const { env } = watchedChildren();
const sleeper = () => spawn("/bin/sh", ["-c", "sleep 100 & wait"], { env, detached: true });

test("every change is told, with what names a group for ever", () => {
  const told: (readonly RecordedGroup[])[] = [];
  const platform = { ...platformOf(), processStartTime: (pid: number) => `start of ${pid}` };
  const registry = createProcessRegistry({ platform, onChange: groups => told.push(groups) });
  registry.add(1);
  registry.add(2);
  registry.remove(1);
  registry.remove(1);
  expect(told.map(groups => groups.map(({ pid }) => pid))).toEqual([[1], [1, 2], [2]]);
  expect(registry.groups()).toEqual([{ pid: 2, startTime: "start of 2" }]);
});

test("groups of a gateway that was killed are found and ended at the next start", async () => {
  const [ours, stranger] = [sleeper(), sleeper()];
  const registry = createProcessRegistry();
  registry.add(ours.pid!);
  const stale = { pid: stranger.pid!, startTime: "another time" };
  const unknown = { pid: stranger.pid!, startTime: undefined };
  expect(sweepGroups([...registry.groups(), stale, unknown])).toBe(1);
  await once(ours, "exit");
  expect(platformOf().isAlive(stranger.pid!)).toBe(true);
  expect(sweepGroups(registry.groups())).toBe(0);
  platformOf().killGroup(stranger.pid!, "SIGKILL");
  await once(stranger, "close");
});
