import { expect, test } from "vitest";
import { isAboutTasks, METHODS, methodOf, namingOf } from "./methods.ts";
import { Payload } from "./payload.ts";

test.each([
  ["tools/call", { name: "t" }, { kind: "tool", name: "t" }],
  ["prompts/get", { name: "p" }, { kind: "prompt", name: "p" }],
  ["resources/read", { uri: "a:b" }, { kind: "resource", name: "a:b" }],
  ["completion/complete", { ref: { type: "ref/prompt", name: "p" } }, { kind: "prompt", name: "p" }],
  ["completion/complete", { ref: { type: "ref/resource", uri: "a:{b}" } }, { kind: "template", name: "a:{b}" }],
])("%s with %j is about an entry, which can be given its native name", (method, params, target) => {
  const naming = namingOf(method);
  expect(naming?.target(Payload.of(params))).toEqual(target);
  expect(naming?.rename(Payload.of({ ...params, other: 1 }), "native").value()).toEqual(
    JSON.parse(JSON.stringify({ ...params, other: 1 }).replace(`"${target.name}"`, '"native"')),
  );
});

test("parameters without a name are about nothing", () => {
  for (const method of Object.keys(METHODS)) expect(namingOf(method)?.target(Payload.of({}))).toBeUndefined();
});

test("of a method that the protocol does not have nothing is believed", () => {
  expect(methodOf("com.example/run")).toMatchObject({ effect: "unknown", mayAsk: false, cacheable: false });
  expect(methodOf("constructor")).toBe(methodOf("com.example/run"));
  expect(namingOf("com.example/run")).toBeUndefined();
});

test("requests about tasks name them by an id, in a header too", () => {
  const about = Object.keys(METHODS).filter(isAboutTasks);
  expect(about).toEqual(["tasks/get", "tasks/update", "tasks/cancel"]);
  expect(about.map(method => methodOf(method).header)).toEqual(about.map(() => "taskId"));
});
