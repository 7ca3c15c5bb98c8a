import { type Agent, listAll } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import { asObject, type Json, type RpcMessage } from "../fixtures/upstream/contract.ts";

const CAPABILITIES: Json = { roots: {}, sampling: {}, elicitation: { form: {} } };

/** Accepts whatever is asked, with the defaults of the form. */
function answer({ method, params = {} }: RpcMessage): Json | undefined {
  if (method !== "elicitation/create") return undefined;
  const { properties } = asObject(params.requestedSchema);
  const content = Object.entries(asObject(properties)).map(([key, schema]) => [key, asObject(schema).default ?? true]);
  return { action: "accept", content: Object.fromEntries(content) };
}

export const openAgent = async (url: string, revision: string): Promise<Agent> =>
  revision < "2026"
    ? legacyAgent(url, revision, { capabilities: CAPABILITIES, respond: answer })
    : modernAgent(url, { capabilities: CAPABILITIES });

/** A value that fits a schema. */
function sample(schema: Json): unknown {
  const { type, properties } = schema;
  if (type === "object") {
    return Object.fromEntries(Object.entries(asObject(properties)).map(([key, one]) => [key, sample(asObject(one))]));
  }
  return { number: 5, integer: 3, boolean: true, array: [], string: "héllo" }[String(type)] ?? null;
}

export interface Wish {
  readonly name: string;
  readonly arguments: Json;
}

async function call(agent: Agent, params: Json, more: Json = {}): Promise<void> {
  const { message } = await agent.request("tools/call", { ...params, ...more });
  const { resultType, inputRequests, requestState } = message?.result ?? {};
  if (resultType !== "input_required") return;
  const answers = Object.entries(asObject(inputRequests)).map(([key, question]) => [key, answer(asObject(question))]);
  const inputResponses = Object.fromEntries(answers);
  return call(agent, params, { inputResponses, ...(requestState !== undefined && { requestState }) });
}

/** Uses everything that a server offers: every tool (or those of the wishes), every prompt, every resource. */
export async function useAll(agent: Agent, wishes: readonly Wish[] | undefined): Promise<void> {
  const list = (method: string) => listAll(agent, method).then(({ items }) => items);
  const tools = await list("tools/list");
  const wanted = wishes ?? tools.map(tool => ({ name: String(tool.name), arguments: argumentsFor(tool, tools) }));
  for (const wish of wanted) await call(agent, { name: wish.name, arguments: wish.arguments });
  for (const { name } of await list("prompts/list")) await agent.request("prompts/get", { name });
  for (const { uri } of await list("resources/list")) await agent.request("resources/read", { uri });
}

/** A tool that wants a `schema` wants that of the tool before it. */
function argumentsFor(tool: Json, tools: readonly Json[]): Json {
  const args = asObject(sample(asObject(tool.inputSchema)));
  const before = tools[tools.indexOf(tool) - 1];
  return "schema" in args && before ? { ...args, schema: before.inputSchema } : args;
}
