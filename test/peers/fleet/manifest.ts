import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../fixtures/build.ts";

export const FLEET = join(ROOT, "test/peers/fleet");
const MANIFESTS = ["servers.json", "servers-go-rust.json"];

type CommandLine = readonly [command: string, ...args: string[]];

/** One feature server, as a manifest declares it. */
export interface FleetServer {
  readonly name: string;
  readonly sdk: string;
  readonly version: string;
  readonly language: string;
  /** What exists once it is installed or built; by default the command itself. */
  readonly needs?: string;
  readonly stdio?: CommandLine;
  /** `{port}` stands for the port. */
  readonly http: CommandLine;
  readonly features: readonly string[];
}

/** Every server of the fleet, whether or not it is installed. */
export const SERVERS: readonly FleetServer[] = MANIFESTS.filter(name => existsSync(join(FLEET, name))).flatMap(
  name => JSON.parse(readFileSync(join(FLEET, name), "utf8")) as FleetServer[],
);

/** One of each language, of either era and of both: what a normal run looks at, in about three minutes. */
export const USUAL: readonly string[] = ["ts-sdk-1", "ts-sdk-2", "python-mcp-2", "mcp-go", "rmcp"];

/** Why a server cannot be started here, if it cannot. */
export function missing({ needs, http: [command] }: FleetServer): string | undefined {
  const path = needs ?? command;
  return existsSync(join(FLEET, path)) ? undefined : `test/peers/fleet/${path} is missing`;
}

/** The command of a server, with absolute paths. */
export function commandOf(line: CommandLine, port?: number): { command: string; args: string[] } {
  const [command, ...args] = line.map(word => {
    if (word === "node") return process.execPath;
    const path = join(FLEET, word);
    return existsSync(path) ? path : word.replace("{port}", String(port));
  });
  return { command: command ?? "", args };
}
