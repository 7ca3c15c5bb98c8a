import { expect } from "vitest";
import { listAll } from "../fixtures/agents/answered.ts";
import { asObject, type Json } from "../fixtures/upstream/contract.ts";
import type { EraAgent } from "./agents.ts";
import { isModern } from "./kinds.ts";
import type { RunningUpstream } from "./upstreams.ts";

/** One agent and one upstream. `nonce` is used by nobody else. */
export interface Cell {
  readonly agent: EraAgent;
  readonly upstream: RunningUpstream;
  readonly nonce: string;
}

export type Feature = (cell: Cell) => Promise<void>;

/** Under which name an agent finds a tool or prompt of the upstream: several have it, so the name has a prefix. */
export const publicName = ({ upstream }: Cell, native: string): string => `${upstream.kind.name}__${native}`;
export const uri = ({ upstream }: Cell, path: string): string => `${upstream.kind.name}://${path}`;
export const call = (cell: Cell, tool: string, args: Json = {}): Json => ({
  name: publicName(cell, tool),
  arguments: { nonce: cell.nonce, ...args },
});

/** What a revision demands of a result, or does not know. */
function expectStamp({ agent }: Cell, result: Json | undefined, { cacheable }: { cacheable: boolean }): void {
  expect(result).toBeDefined();
  if (!isModern(agent.kind)) {
    for (const key of ["resultType", "ttlMs", "cacheScope"]) expect(result).not.toHaveProperty(key);
    return;
  }
  expect(result).toMatchObject({ resultType: "complete" });
  if (!cacheable) return;
  expect(result?.ttlMs).toBeGreaterThanOrEqual(0);
  expect(result?.cacheScope).toMatch(/^(?:public|private)$/);
}

const lists: Feature = async cell => {
  const expected: readonly (readonly [string, string, string])[] = [
    ["tools/list", "name", publicName(cell, "echo")],
    ["prompts/list", "name", publicName(cell, "test_prompt_with_arguments")],
    ["resources/list", "uri", uri(cell, "static-text")],
    ["resources/templates/list", "uriTemplate", uri(cell, "template/{id}/data")],
  ];
  for (const [method, key, name] of expected) {
    const { items, raw } = await listAll(cell.agent, method);
    expect(items.map(item => item[key])).toContain(name);
    for (const page of raw) expectStamp(cell, JSON.parse(page), { cacheable: true });
  }
};

const ARGUMENTS =
  '"big":12345678901234567890,"float":1.0,"e":1E5,"ключ":"\\u0041/\\/","deep":{"b":[null,{"a":-0}],"a":""}';

const verbatim: Feature = async cell => {
  const args = `{"nonce":${JSON.stringify(cell.nonce)},${ARGUMENTS}}`;
  const rawParams = `{"name":${JSON.stringify(publicName(cell, "echo"))},"arguments":${args}}`;
  const { message, resultText } = await cell.agent.request("tools/call", {}, { rawParams });
  expect(resultText).toContain(`"structuredContent":${args}`);
  expect(message?.result).toMatchObject({ content: [{ type: "text", text: args }] });
  expectStamp(cell, message?.result, { cacheable: false });
  expect(cell.upstream.executions(cell.nonce)).toBe(1);
};

const progress: Feature = async cell => {
  const progressToken = `token ${cell.nonce}`;
  const params = { ...call(cell, "progress", { steps: 3 }), _meta: { progressToken } };
  const { before, message } = await cell.agent.request("tools/call", params);
  expect(before.filter(({ method }) => method === "notifications/progress").map(one => one.params)).toEqual(
    [1, 2, 3].map(step => expect.objectContaining({ progressToken, progress: step, total: 3 })),
  );
  expect(message?.result).toMatchObject({ content: [{ text: "3 steps" }] });
};

const cancellation: Feature = async cell => {
  const { agent, upstream, nonce } = cell;
  await agent.giveUp(call(cell, "slow", { ms: 600_000 }), upstream.begun(nonce));
  await upstream.cancelled(nonce);
};

/** Agents on stdio have a gateway of their own, and so their own children. */
const othersShareItsChild = ({ agent, upstream }: Cell): boolean =>
  upstream.kind.shared && agent.kind.transport !== "stdio";

const logs: Feature = async cell => {
  await cell.agent.setLevel("warning");
  const heard = async (level: string) => {
    const { before } = await cell.agent.request("tools/call", call(cell, "log", { level }));
    return before.filter(({ method }) => method === "notifications/message").map(({ params }) => params?.level);
  };
  expect(await heard("error")).toEqual(othersShareItsChild(cell) ? [] : ["error"]);
  expect(await heard("info")).toEqual([]);
};

const reading: Feature = async cell => {
  const read = async (path: string) => {
    const { message } = await cell.agent.request("resources/read", { uri: uri(cell, path) });
    expectStamp(cell, message?.result, { cacheable: true });
    return ((message?.result?.contents ?? []) as Json[])[0];
  };
  const text = "This is the content of the static text resource.";
  expect(await read("static-text")).toEqual({ uri: uri(cell, "static-text"), mimeType: "text/plain", text });
  expect(await read("static-binary")).toMatchObject({ mimeType: "image/png", blob: expect.stringMatching(/^iVBOR/) });
  expect(asObject(await read(`template/${cell.nonce}/data`)).text).toContain(`"id":"${cell.nonce}"`);
};

const prompts: Feature = async cell => {
  const name = publicName(cell, "test_prompt_with_arguments");
  const { message } = await cell.agent.request("prompts/get", { name, arguments: { arg1: cell.nonce, arg2: "b" } });
  const text = `Prompt with arguments: arg1='${cell.nonce}', arg2='b'`;
  expect(message?.result).toMatchObject({ messages: [{ role: "user", content: { type: "text", text } }] });
  expectStamp(cell, message?.result, { cacheable: false });
};

const completion: Feature = async cell => {
  const refs = [
    { type: "ref/prompt", name: publicName(cell, "test_prompt_with_arguments") },
    { type: "ref/resource", uri: uri(cell, "template/{id}/data") },
  ];
  for (const ref of refs) {
    const params = { ref, argument: { name: ref.name ? "arg1" : "id", value: "par" } };
    const { message } = await cell.agent.request("completion/complete", params);
    expect(message?.result).toMatchObject({ completion: { values: ["paris", "park", "party"] } });
  }
};

const errors: Feature = async cell => {
  const own = await cell.agent.request("tools/call", call(cell, "refuse"));
  expect(own.message?.error).toEqual({
    code: 4711,
    message: "not today",
    data: { nonce: cell.nonce, depth: { of: [1, 2] } },
  });
  const failed = await cell.agent.request("tools/call", call(cell, "test_error_handling"));
  expect(failed.message?.result).toMatchObject({ isError: true, content: [{ type: "text" }] });
  const nobody = await cell.agent.request("tools/call", call(cell, "no_such_tool"));
  expect(nobody.message?.error).toMatchObject({ code: -32602 });
  const missing = { uri: uri(cell, "no-such") };
  const nothing = await cell.agent.request("resources/read", missing);
  expect(nothing.message?.error).toMatchObject({ code: -32602, data: missing });
};

/** What needs no question. */
export const FEATURES = {
  lists,
  "arguments verbatim": verbatim,
  progress,
  logs,
  cancellation,
  "resources/read": reading,
  "prompts/get": prompts,
  "completion/complete": completion,
  errors,
} as const satisfies Record<string, Feature>;
