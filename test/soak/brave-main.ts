import { setTimeout as sleep } from "node:timers/promises";
import type { Answered } from "../fixtures/agents/answered.ts";
import { legacyAgent, modernAgent } from "../fixtures/agents/http.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import type { BraveOrders, BraveTold } from "./brave-agents.ts";
import { createCanaryWatch } from "./canary-watch.ts";

/**
 * Agents that list everything, and call what hostile upstreams offer so that these can do what they do to calls. In a process
 * of their own: they read answers of many megabytes.
 */
const { base, upstreams } = JSON.parse(process.argv[2] ?? "") as BraveOrders;
/** Longer than any `timeout` of the configuration, with all that the calls of others take. */
const PATIENCE_MS = 60_000;
const LIST_EVERY_MS = 1_000;
const told: Record<string, number> = {};
const wrong: string[] = [];
const lists = { ms: [] as number[], wrong: [] as string[] };
const canaries = createCanaryWatch();
const over = new AbortController();
const patience = (): AbortSignal => AbortSignal.any([over.signal, AbortSignal.timeout(PATIENCE_MS)]);

async function request(url: string, method: string, params: Json, modern: boolean): Promise<Answered> {
  const agent = modern ? modernAgent(url, { name: "brave" }) : await legacyAgent(url, "2025-11-25", { name: "bold" });
  try {
    return await agent.request(method, params, { signal: patience() });
  } finally {
    await agent.close();
  }
}

/** The result of a request that concerns a hostile upstream. */
async function dare(name: string, method: string, params: Json, modern: boolean): Promise<Json | undefined> {
  try {
    const { message, status, raw } = await request(`${base}/mcp/${name}`, method, params, modern);
    canaries.look(`${method} of ${name}`, raw);
    const outcome = message?.error ? String(message.error.code) : message?.result ? "result" : `status ${status}`;
    told[outcome] = (told[outcome] ?? 0) + 1;
    if (!message?.error && !message?.result) wrong.push(`${name}, ${method}: ${status} ${raw.slice(0, 100)}`);
    return message?.result;
  } catch (error) {
    if (!over.signal.aborted) wrong.push(`${name}, ${method}: ${String(error)}`);
    return undefined;
  }
}

async function walk(modern: boolean): Promise<void> {
  while (!over.signal.aborted) {
    for (const name of upstreams) {
      if (over.signal.aborted) return;
      const tools = (await dare(name, "tools/list", {}, modern))?.tools as Json[] | undefined;
      const tool = tools?.[0]?.name;
      if (tool !== undefined) void dare(name, "tools/call", { name: tool, arguments: {} }, modern);
      await sleep(100);
    }
  }
}

/** What others have must stay in the list, whatever hostile upstreams put beside it. */
async function list(): Promise<void> {
  for (let turn = 0; !over.signal.aborted; turn++) {
    const from = performance.now();
    try {
      const { message, raw, status } = await request(`${base}/mcp`, "tools/list", {}, turn % 2 === 0);
      canaries.look("the list", raw);
      if (message?.result) lists.ms.push(performance.now() - from);
      else lists.wrong.push(`${status} ${JSON.stringify(message?.error)}`);
    } catch (error) {
      if (!over.signal.aborted) lists.wrong.push(String(error));
    }
    await sleep(LIST_EVERY_MS);
  }
}

void walk(true);
void walk(false);
void list();
process.on("SIGTERM", () => {
  over.abort();
  const all: BraveTold = { told, wrong, lists, canaries: canaries.found };
  process.stdout.write(`${JSON.stringify(all)}\n`, () => process.exit(0));
});
// Whoever started it may be gone.
process.stdin.on("end", () => process.exit(1)).resume();
