import { expect, test } from "vitest";
import { table, type Verdict } from "../chaos/verdict.ts";
import { crowd } from "./crowd.ts";
import { type HostileOptions, hostile } from "./hostile.ts";
import { idleAgents, stalledReaders } from "./readers.ts";
import { slope } from "./samples.ts";
import { wear } from "./wear.ts";

/** Shows that the soak works and that nothing leaks fast; what leaks slowly is for `npm run soak`. */
function judge(verdicts: readonly Verdict[]): void {
  console.log(table(verdicts));
  expect(verdicts.filter(({ result }) => result === "broken")).toEqual([]);
}

test.skipIf(process.platform !== "linux")(
  "what calls, sessions, restarts and reloads use up comes back",
  async () => {
    judge(await wear({ minutes: 0.1, samples: 6, log: () => {} }));
  },
  240_000,
);

test.skipIf(process.platform !== "linux")(
  "agents that only listen cost little",
  async () => {
    judge(await idleAgents({ agents: 200, ms: 2_000 }));
  },
  240_000,
);

test.skipIf(process.platform !== "linux")(
  "readers that stall do not keep others waiting",
  async () => {
    judge(await stalledReaders({ readers: 8, bytes: 2_000_000, ms: 3_000 }));
  },
  240_000,
);

test.skipIf(process.platform !== "linux")(
  "clients that want more than their share keep nobody from being served",
  async () => {
    judge(await crowd({ clients: 50, ms: 6_000, log: () => {} }));
  },
  240_000,
);

/** Of each way to be malicious one or two; all of them take more than a short test has. */
const SOME: Required<Pick<HostileOptions, "upstreams" | "clients">> = {
  upstreams: [
    "token: gzip bomb",
    "token: chunks without end",
    "talk: lists that change",
    "talk over HTTP: samplings",
    "list: many wide schemas",
    "list: pages without end",
    "call: silence",
    "call: text that is no JSON",
    "call: a code of the gateway",
    "name: a copy that comes later",
    "name: templates of everything",
    "child: leaves children of its own",
    "child: dies in each call",
    "secret: a child that tells its environment",
    "secret: a server that tells its headers",
  ],
  clients: ["subscriptions under many names", "initializing", "unread streams", "large bodies", "garbage"],
};

test.skipIf(process.platform !== "linux")(
  "beside hostile upstreams and clients no good call fails, runs twice or gets what is another's",
  async () => {
    judge(await hostile({ ...SOME, ms: 8_000, log: () => {} }));
  },
  240_000,
);

test("the slope of a line is what it rises by", () => {
  expect(
    slope([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
  ).toBe(2);
  expect(
    slope([
      [1, 4],
      [2, 4],
      [3, 4],
    ]),
  ).toBe(0);
  expect(slope([[1, 4]])).toBe(0);
});
