import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { bench } from "./modules.ts";

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly file?: string | undefined;
}
interface Stages {
  readonly FILE_STAGES: readonly (readonly [stage: string, starts: readonly string[]])[];
  stageOf(frame: Frame): string;
  byStage(profile: object, fileOf: (frame: Frame) => string | undefined): [stage: string, timeUs: number][];
}
const { FILE_STAGES, stageOf, byStage } = await bench<Stages>("stages.mjs");

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .map(name => `src/${name.replaceAll("\\", "/")}`)
  .filter(path => path.endsWith(".ts") && !path.endsWith(".test.ts"));

test("every beginning of a path is that of some file", () => {
  const starts = FILE_STAGES.flatMap(([, all]) => all);
  expect(starts.filter(start => !sources.some(path => path.startsWith(start)))).toEqual([]);
});

test("every stage is that of some file", () => {
  const used = new Set(sources.map(file => stageOf({ functionName: "f", url: "file:///x", file })));
  expect(FILE_STAGES.map(([stage]) => stage).filter(stage => !used.has(stage))).toEqual([]);
});

test.each([
  ["(garbage collector)", "", "garbage collection"],
  ["(idle)", "", "idle"],
  ["writev", "", "sockets, kernel and native"],
  ["parserOnHeadersComplete", "node:_http_common", "node:http"],
  ["processTimers", "node:internal/timers", "timers and turns"],
  ["Writable.write", "node:internal/streams/writable", "node:net and streams"],
  ["f", "file:///node_modules/undici/index.js", "other packages"],
])("%s of %s belongs to %s", (functionName, url, stage) => {
  expect(stageOf({ functionName, url })).toBe(stage);
});

test("self time is summed by stage, without what is idle, and native time in files goes to the log", () => {
  const frame = (functionName: string, url: string) => ({ functionName, url });
  const profile = {
    nodes: [
      { id: 1, callFrame: frame("(root)", ""), children: [2, 3, 4, 6] },
      { id: 2, callFrame: frame("(idle)", "") },
      { id: 3, callFrame: frame("scan", "file:///x") },
      { id: 4, callFrame: frame("writeSync", "node:fs"), children: [5] },
      { id: 5, callFrame: frame("writeBuffer", "") },
      { id: 6, callFrame: frame("writev", "") },
    ],
    samples: [2, 3, 3, 5, 6, 4],
    timeDeltas: [100, 10, 20, 5, 7, 1],
  };
  expect(byStage(profile, ({ url }) => (url === "file:///x" ? "src/core/scan.ts" : undefined))).toEqual([
    ["scan and payload", 30],
    ["sockets, kernel and native", 7],
    ["log file", 6],
  ]);
});
