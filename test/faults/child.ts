import { readFileSync } from "node:fs";
import { join } from "node:path";
import { modernAgent } from "../fixtures/agents/http.ts";
import { configToml, type GatewayRun, startGateway } from "../fixtures/gateway.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { startUpstream, type Upstream } from "../fixtures/upstream/upstream.ts";

/** What goes wrong in a child, as JavaScript. */
export interface ChildFault {
  /** In place of the answer to a call with `arguments.fault`: has `params`, `say(message)`, `reply(result)` and `ok()`. */
  readonly onCall?: string;
  /** Before anything is read. */
  readonly onStart?: string;
}

/** A child with two tools, one of which may run twice, and a replica of it over HTTP that has no faults. */
export interface ChildPair {
  readonly name: string;
  readonly b: Upstream;
  readonly unsafe: string;
  readonly safe: string;
  readonly config: readonly Json[];
  close(): Promise<void>;
}

export async function childPair(name: string, fault: ChildFault, config: Json = {}): Promise<ChildPair> {
  const [unsafe, safe] = [`${name}_unsafe`, `${name}_safe`];
  const b = await startUpstream({ era: "modern", name: `${name}-b`, tools: [] });
  for (const tool of [unsafe, safe]) {
    const definition = { name: tool, inputSchema: { type: "object" } };
    b.tools.set(tool, { definition, run: () => ({ content: [{ type: "text", text: "b" }] }) });
  }
  const shared = { group: name, health_check_interval: 1, safe_to_retry: [safe] };
  const run = { command: process.execPath, args: ["-e", serverCode({ name, tools: [unsafe, safe], ...fault })] };
  return {
    ...{ name, b, unsafe, safe },
    config: [
      { name: `${name}-a`, transport: "stdio", ...run, ...shared, ...config },
      { name: `${name}-b`, transport: "http", url: b.url, priority: 2, ...shared },
    ],
    close: () => b.close(),
  };
}

/** A small server of revision 2025-06-18 that writes down what it runs and what is cancelled. */
function serverCode({
  name,
  tools,
  onCall = "",
  onStart = "",
}: ChildFault & { name: string; tools: string[] }): string {
  return `
    const fs = require("node:fs");
    ${onStart}
    const write = line => fs.appendFileSync(${JSON.stringify(`${name}.journal`)}, line + "\\n");
    const say = message => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
    const tools = ${JSON.stringify(tools.map(tool => ({ name: tool, inputSchema: { type: "object" } })))};
    const info = { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "child", version: "1" } };
    const calls = new Map();
    require("node:readline").createInterface({ input: process.stdin }).on("line", line => {
      const { id, method, params } = JSON.parse(line);
      const reply = result => say({ id, result });
      const ok = () => reply({ content: [{ type: "text", text: "a" }] });
      if (method === "initialize") reply(info);
      else if (method === "tools/list") reply({ tools });
      else if (method === "ping") reply({});
      else if (method === "notifications/cancelled") write("cancelled " + calls.get(params.requestId));
      else if (method === "tools/call") {
        calls.set(id, params.arguments.nonce);
        write("ran " + params.arguments.nonce);
        if (params.arguments.fault) { ${onCall} } else ok();
      } else if (id !== undefined) say({ id, error: { code: -32601, message: "Method not found" } });
    });`;
}

export interface ChildLab {
  readonly gateway: GatewayRun;
  /** Calls a tool of either; `fault` has the child go wrong. */
  call(tool: string, args: Json): ReturnType<ReturnType<typeof modernAgent>["request"]>;
  /** Calls a tool of the child only. */
  callChild(pair: ChildPair, args: Json): ReturnType<ChildLab["call"]>;
  /** What the child wrote down. */
  journal(pair: ChildPair): string[];
  pidOf(pair: ChildPair): Promise<number | null | undefined>;
  close(): Promise<void>;
}

export async function startChildLab(pairs: readonly ChildPair[]): Promise<ChildLab> {
  const upstreams = pairs.flatMap(({ config }) => config);
  const gateway = await startGateway({ toml: configToml(upstreams, { security: { rate_limit_per_minute: 0 } }) });
  await gateway.until(({ upstreams }) => upstreams.every(({ state }) => state === "ready"));
  const agent = modernAgent(gateway.url);
  return {
    gateway,
    call: (tool, args) => agent.request("tools/call", { name: tool, arguments: args }),
    callChild: ({ name, unsafe }, args) =>
      modernAgent(gateway.of(`${name}-a`)).request("tools/call", { name: unsafe, arguments: args }),
    journal({ name }) {
      try {
        return readFileSync(join(gateway.dir, `${name}.journal`), "utf8")
          .trim()
          .split("\n");
      } catch {
        return [];
      }
    },
    async pidOf({ name }) {
      const { upstreams } = await gateway.status();
      return upstreams.find(upstream => upstream.name === `${name}-a`)?.pid;
    },
    async close() {
      await gateway.close();
      for (const pair of pairs) await pair.close();
    },
  };
}
