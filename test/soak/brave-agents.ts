import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { program, ROOT } from "../fixtures/build.ts";

export interface BraveOrders {
  readonly base: string;
  /** The names of hostile upstreams. */
  readonly upstreams: readonly string[];
}

export interface BraveTold {
  /** How often each outcome: `result`, or the code of an error. */
  readonly told: Readonly<Record<string, number>>;
  /** Requests that ended without a JSON-RPC message, or not at all. */
  readonly wrong: readonly string[];
  /** Of the lists of everything. */
  readonly lists: { readonly ms: readonly number[]; readonly wrong: readonly string[] };
  readonly canaries: readonly string[];
}

/** Agents that call what is hostile, at work. The function ends them, and tells. */
export function startBraveAgents(orders: BraveOrders): () => Promise<BraveTold> {
  const file = program("test/soak/brave-main.ts", ["test/soak", "test/fixtures"]);
  const child = spawn(process.execPath, [file, JSON.stringify(orders)], {
    ...{ cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] as const },
  });
  const said = text(child.stdout);
  const exited = once(child, "exit");
  return async () => {
    child.kill("SIGTERM");
    await exited;
    return JSON.parse(await said) as BraveTold;
  };
}
