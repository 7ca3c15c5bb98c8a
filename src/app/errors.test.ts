import { describe, expect, it } from "vitest";
import { ERRORS, renderTrouble, trouble, troubleJson } from "./errors.ts";
import { plain } from "./terminal/terminal.ts";

describe("the numbers that scripts depend on", () => {
  it("are the error codes, each used once", () => {
    const codes = Object.fromEntries(Object.entries(ERRORS).map(([name, { code, exit }]) => [name, `${code} ${exit}`]));
    expect(codes).toEqual({
      internal: "RAD2000 1",
      usage: "RAD2001 2",
      notRunning: "RAD2002 3",
      alreadyRunning: "RAD2003 4",
      portInUse: "RAD2004 4",
      cannotListen: "RAD2005 1",
      disabled: "RAD2006 9",
      unauthenticated: "RAD2007 7",
      noAnswer: "RAD2008 8",
      otherVersion: "RAD2009 1",
      noConfig: "RAD2010 5",
      fileExists: "RAD2011 1",
      unsafePlace: "RAD2012 1",
      upstreamFailed: "RAD2013 1",
      unknownName: "RAD2014 1",
      callFailed: "RAD2015 1",
      timedOut: "RAD2016 8",
      badConfig: "RAD2017 5",
      didNotStart: "RAD2018 1",
      cannotStop: "RAD2019 1",
      upstreamAuth: "RAD2020 7",
      system: "RAD2021 1",
      notTrusted: "RAD2022 10",
    });
    expect(new Set(Object.values(ERRORS).map(error => error.code)).size).toBe(Object.keys(ERRORS).length);
  });
});

describe("an error", () => {
  const problem = trouble("portInUse", "Port already in use: 127.0.0.1:3000", {
    where: "somewhere\x1b[2J",
    help: ["a", "b"],
  });

  it("says what happened, where, and what to do", () => {
    expect(renderTrouble(problem, plain).split("\n")).toEqual([
      "error[RAD2004]: Port already in use: 127.0.0.1:3000",
      " --> somewhere\\u{1b}[2J",
      "  = help: a",
      "  = help: b",
    ]);
  });

  it("is an object for scripts", () => {
    expect(troubleJson(problem)).toEqual({
      schema: "rad.error/1",
      error: { code: "RAD2004", name: "portInUse", message: problem.what, where: problem.where, help: ["a", "b"] },
      exitCode: 4,
    });
  });
});
