import { describe, expect, it } from "vitest";
import { Aborter, aborted, NEVER } from "./signal.ts";

describe("a signal", () => {
  it("calls each listener once, in the order in which they came", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    const twice = (): void => void heard.push("twice");
    for (const listener of [twice, () => void heard.push("second"), twice]) aborter.signal.onAbort(listener);
    aborter.abort("why");
    aborter.abort("again");
    expect(heard).toEqual(["twice", "second"]);
    expect([aborter.signal.aborted, aborter.signal.reason]).toEqual([true, "why"]);
  });

  it("does not call what was withdrawn", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    const listeners = ["a", "b", "c"].map(name => () => void heard.push(name));
    for (const listener of listeners) aborter.onAbort(listener);
    aborter.offAbort(listeners[0]!);
    aborter.offAbort(listeners[1]!);
    aborter.offAbort(() => {});
    aborter.abort();
    expect(heard).toEqual(["c"]);
  });

  it("does not call what is withdrawn by those before it", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    const second = (): void => void heard.push("second");
    const third = (): void => void heard.push("third");
    aborter.onAbort(() => aborter.offAbort(second));
    for (const listener of [second, third]) aborter.onAbort(listener);
    aborter.abort();
    expect([heard, aborter.listeners]).toEqual([["third"], 0]);
  });

  it("calls nothing that comes after it was aborted", () => {
    const signal = aborted();
    signal.onAbort(() => expect.unreachable());
    expect([signal.aborted, NEVER.aborted]).toEqual([true, false]);
  });

  it("calls the others too when a listener throws, and lets the first error through", () => {
    const aborter = new Aborter();
    const heard: string[] = [];
    aborter.onAbort(() => {
      throw new Error("a bug");
    });
    aborter.onAbort(() => void heard.push("other"));
    expect(() => aborter.abort()).toThrow("a bug");
    expect(heard).toEqual(["other"]);
  });
});
