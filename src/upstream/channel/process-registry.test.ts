import { expect, test } from "vitest";
import { platformOf } from "../../lib/platform.ts";
import { createProcessRegistry, type RecordedGroup } from "./process-registry.ts";

test("what runs is on record from before its start until it is gone", () => {
  const records: { mark: string; groups: readonly RecordedGroup[] }[] = [];
  const sight = { ...platformOf().sight, pipesOf: () => ["socket:[1]"] };
  const platform = { ...platformOf(), sight, processStartTime: (pid: number) => `start of ${pid}` };
  const registry = createProcessRegistry({ platform, onChange: record => records.push(record) });
  const mark = registry.mark();
  expect(registry.mark()).toBe(mark);
  registry.add(1);
  const second = registry.add(2);
  registry.remove(1);
  registry.remove(1);
  expect(records.map(({ groups }) => groups.map(({ pid }) => pid))).toEqual([[], [1], [1, 2], [2]]);
  expect(new Set(records.map(record => record.mark))).toEqual(new Set([mark]));
  expect(second).toEqual({ pid: 2, startTime: "start of 2", pipes: ["socket:[1]"] });
});

test("two gateways have two marks", () => {
  expect(createProcessRegistry().mark()).not.toBe(createProcessRegistry().mark());
});
