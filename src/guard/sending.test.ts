import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import type { Outcome } from "../core/call.ts";
import { bringing, promised } from "../core/pass.fixture.ts";
import { Payload } from "../core/payload.ts";
import { audit } from "./audit.ts";
import { type CallPlan, callOf } from "./call.fixture.ts";
import { createRedactor } from "./redact.ts";
import { sending } from "./sending.ts";

const DONE: Outcome = { kind: "done", result: Payload.of({ content: [] }) };

/** The layers of a log around an upstream; `commits` says whether the log can be written. */
function logged({ commits = true as boolean | Promise<boolean>, blocks = false, logRequests = true } = {}) {
  const events: string[] = [];
  const log = {
    ready: true,
    write: (line: string) => void events.push(line),
    commit(line: string) {
      events.push(line);
      return commits;
    },
  };
  const common = { log, redactor: createRedactor([]), clock: manualClock(), blocks, logRequests, maxBytes: 2048 };
  let ids = 0;
  const audited = audit({ ...common, logResponses: true });
  const last = bringing(() => {
    events.push("sent");
    return DONE;
  });
  const handle = promised(audited(sending({ ...common, nextId: () => `id-${++ids}` })(last)));
  return {
    async call(more: CallPlan = {}) {
      const outcome = await handle(callOf(more));
      audited.flush();
      return outcome;
    },
    events: () => events.map(line => (line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : line)),
  };
}

describe("a call that may have an effect", () => {
  it("has a line before it is sent, and another one with the same id when it has ended", async () => {
    const { call, events } = logged();
    await call({ params: { name: "run", arguments: { to: "Ada", password: "hunter2" } } });
    const [before, sent, after] = events();
    expect(sent).toBe("sent");
    const shown = { name: "run", arguments: { to: "Ada", password: "[redacted]" } };
    expect(before).toMatchObject({ event: "sending", id: "id-1", method: "tools/call", params: shown });
    expect(before).not.toHaveProperty("outcome");
    expect(after).toMatchObject({ event: "call", id: "id-1", outcome: "ok", request: shown });
  });

  it.each([
    ["tools/call", {}],
    ["tasks/update", {}],
    ["tasks/cancel", {}],
    ["vendor/do", {}],
    ["prompts/get", { params: { name: "x", requestState: "s" } }],
  ])("is one of %s", async (method, more) => {
    const { call, events } = logged();
    await call({ method, ...more });
    expect(events()[0]).toMatchObject({ event: "sending", method });
  });

  it.each(["resources/read", "prompts/get", "completion/complete", "tasks/get"])("is none of %s", async method => {
    const { call, events } = logged();
    await call({ method });
    expect(events().map(one => (typeof one === "string" ? one : [one.event, one.id]))).toEqual([
      "sent",
      ["call", undefined],
    ]);
  });

  it("waits for its line", async () => {
    let written: (done: boolean) => void = () => {};
    const { call, events } = logged({
      commits: new Promise<boolean>(resolve => {
        written = resolve;
      }),
    });
    const ending = call();
    await new Promise(setImmediate);
    expect(events()).toHaveLength(1);
    written(true);
    await ending;
    expect(events()[1]).toBe("sent");
  });

  it.each([false, Promise.resolve(false)])("is sent without one where the operator wants that", async commits => {
    const { call, events } = logged({ commits });
    expect(await call()).toMatchObject({ kind: "done" });
    expect(events()[1]).toBe("sent");
  });

  it("shows no parameters where none are to be logged", async () => {
    const { call, events } = logged({ logRequests: false });
    await call({ params: { name: "run", arguments: { to: "Ada" } } });
    expect(JSON.stringify(events())).not.toContain("Ada");
    expect(events()[0]).toMatchObject({ event: "sending", bytesIn: 39 });
  });
});

describe("where no call may be without a line", () => {
  it.each(["tools/call", "resources/read", "prompts/get"])("%s has one before it is sent", async method => {
    const { call, events } = logged({ blocks: true });
    await call({ method });
    expect(events()[0]).toMatchObject({ event: "sending", method });
    expect(events()[1]).toBe("sent");
  });

  it.each([false, Promise.resolve(false)])("a call is not sent when it has none", async commits => {
    const { call, events } = logged({ blocks: true, commits });
    expect(await call()).toEqual({ kind: "failed", failure: { kind: "unlogged" } });
    expect(events()).not.toContain("sent");
  });

  it("a call that runs already goes on all the same", async () => {
    const { call, events } = logged({ blocks: true, commits: false });
    await call({ params: { name: "x", requestState: "s" } });
    expect(events()).toContain("sent");
  });
});
