/** Where a row of the fault matrix is tested, or why nowhere. */
export type RowPlace =
  | { readonly fault: string; readonly file: string }
  | { readonly fault: string; readonly skipped: string };

const NOT_YET = "not written yet";

/** The fault matrix: every fault that the gateway has to survive, by the id that the names of its tests begin with. */
export const ROWS = {
  "F-01": { fault: "HTTP upstream killed in a call", file: "gone.test.ts" },
  "F-02": { fault: "upstream not running", file: "connections.test.ts" },
  "F-03": { fault: "hang before the answer", file: "connections.test.ts" },
  "F-04": { fault: "hang after progress", file: "messages.test.ts" },
  "F-05": { fault: "answer in drips", file: "connections.test.ts" },
  "F-06": { fault: "half-open connection", file: "connections.test.ts" },
  "F-07": { fault: "reset after the request was sent", file: "connections.test.ts" },
  "F-08": { fault: "connection closed without an answer, answer cut short", file: "connections.test.ts" },
  "F-09": { fault: "event stream ends without the answer", file: "connections.test.ts" },
  "F-10": { fault: "answer that is no JSON", file: "answers.test.ts" },
  "F-11": { fault: "wrong id", file: "answers.test.ts" },
  "F-12": { fault: "answer given twice", file: "messages.test.ts" },
  "F-13": { fault: "answer after the end", file: "messages.test.ts" },
  "F-14": { fault: "huge answer", file: "messages.test.ts" },
  "F-15": { fault: "invalid UTF-8", file: "answers.test.ts" },
  "F-16": { fault: "HTTP 5xx", file: "answers.test.ts" },
  "F-17": { fault: "HTTP 429", file: "answers.test.ts" },
  "F-18": { fault: "HTTP 401", file: "answers.test.ts" },
  "F-19": { fault: "HTTP 403", file: "answers.test.ts" },
  "F-20": { fault: "lost session", file: "gone.test.ts" },
  "F-21": { fault: "404 that says method not found", file: "messages.test.ts" },
  "F-22": { fault: "redirect", file: "answers.test.ts" },
  "F-23": { fault: "bad TLS", file: "access.test.ts" },
  "F-24": { fault: "name that cannot be looked up", file: "access.test.ts" },
  "F-25": { fault: "restart with other tools", file: "gone.test.ts" },
  "F-26": { fault: "storm of list changes", file: "messages.test.ts" },
  "F-27": { fault: "child ends in a call", file: "children.test.ts" },
  "F-28": { fault: "child ends at once", file: "child-life.test.ts" },
  "F-29": { fault: "command that cannot be run", file: "child-life.test.ts" },
  "F-30": { fault: "garbage on stdout", file: "children.test.ts" },
  "F-31": { fault: "child never reads", file: "child-life.test.ts" },
  "F-32": { fault: "child closes its stdin", file: "child-life.test.ts" },
  "F-33": { fault: "flood on stderr", file: "child-life.test.ts" },
  "F-34": { fault: "child that will not end", file: "child-life.test.ts" },
  "F-35": { fault: "agent gone in a call, without a session", file: "disconnect.test.ts" },
  "F-36": { fault: "agent gone in a call, with a session", file: "disconnect.test.ts" },
  "F-37": { fault: "agent that reads slowly", skipped: NOT_YET },
  "F-38": { fault: "thousands of idle streams", file: "disconnect.test.ts" },
  "F-39": { fault: "SIGTERM with calls under way", file: "drain.test.ts" },
  "F-40": { fault: "second SIGTERM", file: "drain.test.ts" },
  "F-41": { fault: "SIGKILL of the gateway", file: "drain.test.ts" },
  "F-42": { fault: "broken configuration at reload", file: "reload.test.ts" },
  "F-43": { fault: "reload with calls under way", file: "reload.test.ts" },
  "F-44": { fault: "disk full", file: "log.test.ts" },
  "F-45": { fault: "log folder gone or read-only", file: "log.test.ts" },
  "F-46": { fault: "clock jumps", file: "machine.test.ts" },
  "F-47": { fault: "shared store down", skipped: "there is no shared store outside the process yet" },
  "F-48": { fault: "out of file descriptors", skipped: NOT_YET },
  "F-49": { fault: "heap near its limit", skipped: NOT_YET },
  "F-50": { fault: "blocked event loop", file: "machine.test.ts" },
  "F-51": { fault: "port in use", file: "machine.test.ts" },
  "F-52": { fault: "all upstreams flap", file: "flaps.test.ts" },
  "F-53": { fault: "one instance fails fast", file: "flaps.test.ts" },
  "F-54": { fault: "one instance is slow", file: "flaps.test.ts" },
  "F-55": { fault: "instance dies between two rounds of a question", file: "owners.test.ts" },
  "F-56": { fault: "task owner restarted without its state", file: "owners.test.ts" },
} as const satisfies Readonly<Record<`F-${number}`, RowPlace>>;

export type RowId = keyof typeof ROWS;

/** Where the goals of reliability are shown that these tests show, scaled down to what every run can afford. */
export const GOALS = {
  "G-06": { goal: "a graceful stop cuts no call that fits into its time", shown: "F-39 in drain.test.ts" },
  "G-07": { goal: "reloads under load fail no call and keep pids", shown: "F-43 in reload.test.ts, 20 reloads" },
  "G-08": { goal: "broken configurations interrupt nothing", shown: "F-42 in reload.test.ts, over 50 kinds" },
  "G-23": { goal: "a full disk fails no call, or lets none go unlogged", shown: "F-44 in log.test.ts" },
  "G-25": {
    goal: "no orphans after restarts through wrappers",
    shown: "child-host.test.ts and F-40, F-41 in drain.test.ts",
  },
  "G-26": { goal: "an upstream that restarts is not noticed", shown: "restarts.test.ts, 20 restarts" },
  "G-28": { goal: "always exactly one gateway", shown: "child-host.test.ts and test/cli/binary.test.ts" },
  "G-30": { goal: "a clock that jumps fails no call", shown: "F-46 in machine.test.ts" },
} as const satisfies Readonly<Record<`G-${number}`, { readonly goal: string; readonly shown: string }>>;
