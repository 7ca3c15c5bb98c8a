import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type Ran, readJournal, type Server, serverAt } from "../chaos/fleet.ts";
import { upstreamCommand } from "../fixtures/build.ts";
import type { Closable } from "../fixtures/leaks.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

/** Upstreams that do what they are asked, each in a process of its own. All have the tool `echo`. */
export interface GoodFleet extends Closable {
  readonly tables: readonly Json[];
  executions(): Ran[];
  /** The watched resource of `child` changes, and its list of tools is said to. */
  change(): void;
}

/** One for each transport and era; `own` is started for each agent that calls it. */
export const GOOD = ["web", "old", "stream", "child", "own"] as const;
export type GoodName = (typeof GOOD)[number];
export const WATCHED = "child://watched-resource";

export async function startGoodFleet(): Promise<GoodFleet> {
  const dir = mkdtempSync(join(tmpdir(), "radium-soak-"));
  const journal = (name: string): string => join(dir, `${name}.jsonl`);
  const growFile = join(dir, "grow");
  for (const name of GOOD) writeFileSync(journal(name), "");
  writeFileSync(growFile, "");
  const options = (name: GoodName, tools: string): string[] => [
    ...["--name", name, "--tools", tools, "--scheme", name, "--journal", journal(name)],
  ];
  const start = async (name: GoodName, tools: string, ...more: string[]): Promise<Server> =>
    serverAt(name, await freePort(), [...options(name, tools), ...more]);
  const [web, old, stream] = await Promise.all([
    start("web", "echo", "--era", "modern"),
    start("old", "echo,progress,big", "--era", "legacy"),
    start("stream", "echo", "--era", "legacy", "--transport", "sse"),
  ]);
  let changes = 0;
  return {
    tables: [
      { name: "web", transport: "http", url: `http://127.0.0.1:${web.port}/mcp` },
      { name: "old", transport: "http", url: `http://127.0.0.1:${old.port}/mcp` },
      { name: "stream", transport: "sse", url: `http://127.0.0.1:${stream.port}/sse` },
      { name: "child", transport: "stdio", ...upstreamCommand(...options("child", "echo,add"), "--grow", growFile) },
      { name: "own", transport: "stdio", isolation: "per_agent", ...upstreamCommand(...options("own", "echo,count")) },
    ],
    executions: () => GOOD.flatMap(name => readJournal(name, journal(name))),
    change: () => writeFileSync(growFile, `grown${" ".repeat(++changes % 7)}`),
    async close() {
      await Promise.all([web, old, stream].map(server => server.kill()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
