import { basename } from "node:path";
import type { Environment, Platform } from "../../lib/platform.ts";
import { locate, type Places } from "./places.ts";

/**
 * Whether a process is the gateway of this instance. The run file may have been written by somebody else, and names a
 * process that does not answer; so something is asked for that only the process itself can bring about: that it listens
 * on the instance's control socket, or was started as its gateway.
 */
export function isGatewayOf(pid: number, places: Places, world: { platform: Platform; env: Environment }): boolean {
  const { sight } = world.platform;
  // Its folder depends on the environment; its name is that of the instance.
  if (sight.listensOn(pid).some(path => basename(path) === basename(places.socket))) return true;
  const command = sight.commandOf(pid);
  return command !== undefined && startsGatewayOf(command, places, world.env);
}

const PROGRAM = /^rad(?:\.js)?$/;
const START = ["mcp", "proxy", "start"];

function startsGatewayOf(
  { args, cwd }: { readonly args: readonly string[]; readonly cwd: string },
  places: Places,
  env: Environment,
): boolean {
  const at = args.findIndex(
    (arg, index) => PROGRAM.test(basename(arg)) && START.every((word, place) => args[index + 1 + place] === word),
  );
  if (at < 0) return false;
  const options = args.slice(at + 1 + START.length);
  const named = located(options, { cwd, env });
  return named !== undefined && named.configPath === places.configPath && named.baseDir === places.baseDir;
}

function located(options: readonly string[], around: { cwd: string; env: Environment }): Places | undefined {
  const config = options.flatMap((option, index) => {
    if (option === "--config" || option === "-c") return options[index + 1] ?? [];
    return /^(?:--config=|-c)(.+)$/.exec(option)?.[1] ?? [];
  });
  const found = locate({ config: config.at(-1), demo: options.includes("--demo") }, around);
  return found?.ok ? found.places : undefined;
}
