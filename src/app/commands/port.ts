import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Status } from "../../core/status.ts";
import type { Environment } from "../../lib/platform.ts";
import { ask } from "../control/client.ts";
import { socketFolder } from "../control/places.ts";
import { type CommandFailed, failure, trouble } from "../errors.ts";
import { type Context, commandFor } from "./command.ts";

/** Long enough for a gateway that is busy, short enough for a person who waits for an error. */
const ANSWER_MS = 500;

/** Which of this user's gateways listens on that port, if any does. */
async function holderOf(port: number, env: Environment): Promise<Status | undefined> {
  const folder = socketFolder(env);
  if (!folder.ok) return undefined;
  const statuses = await Promise.all(
    sockets(folder.path).map(async socket => {
      const answer = await ask(socket, { op: "status", timeoutMs: ANSWER_MS });
      return answer.kind === "answer" ? answer.result.value<Status & Record<string, unknown>>() : undefined;
    }),
  );
  return statuses.find(status => status?.urls.some(url => portIn(url) === port));
}

function sockets(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter(name => name.endsWith(".sock"))
      .map(name => join(folder, name));
  } catch {
    return [];
  }
}

function portIn(url: string): number | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  return parsed && Number(parsed.port || 80);
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Ends the command where that address cannot be listened on. */
export async function requireFree(at: Address, context: Context): Promise<void> {
  const server = createServer();
  try {
    server.listen({ ...at, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw (await listenFailure(error, at, context)) ?? error;
  } finally {
    server.close();
  }
}

/** What to tell about an address that cannot be listened on; `undefined` when the error is of another kind. */
export async function listenFailure(error: unknown, at: Address, context: Context): Promise<CommandFailed | undefined> {
  const { code } = error as NodeJS.ErrnoException;
  const place = `${at.host.includes(":") ? `[${at.host}]` : at.host}:${at.port}`;
  if (code === "EADDRINUSE") return portInUse({ ...at, place }, await holderOf(at.port, context.env), context);
  const help = code === undefined ? undefined : REMEDIES[code];
  return (
    help &&
    failure(
      trouble("cannotListen", `Cannot listen on ${place}: ${help.reason}`, {
        where: `${place} (${code})`,
        help: [help.help],
      }),
    )
  );
}

function portInUse(
  { place, port }: Address & { place: string },
  holder: Status | undefined,
  context: Context,
): CommandFailed {
  const change = "Or change the port: `port` in the configuration, or `--port N` (0 takes a free one).";
  if (!holder) {
    const help = [
      "Check if another proxy instance is running: `rad mcp proxy status`.",
      `Find the program that holds it: \`lsof -i :${port}\`.`,
      change,
    ];
    return failure(
      trouble("portInUse", `Port already in use: ${place}`, {
        where: "held by another program, or by a gateway of another user",
        help,
      }),
    );
  }
  const { pid, config, url } = holder;
  const where = `held by the gateway with pid ${pid}, of ${config ?? "a demo"}, at ${url}`;
  const remedies = config === null ? [DEMO_REMEDY] : remediesFor(config, context);
  const help = [...remedies, change];
  return failure(trouble("portInUse", `Port already in use: ${place}`, { where, help }));
}

/** A demo is known by the folder it was started in, which only its user knows. */
const DEMO_REMEDY = "Stop it where it was started: Ctrl+C there, or `rad mcp proxy stop --demo` in that folder.";
const remediesFor = (config: string, context: Context): string[] => [
  `See it: \`${commandFor("status", config, context)}\`.`,
  `Stop it: \`${commandFor("stop", config, context)}\`.`,
];

const REMEDIES: Readonly<Record<string, { reason: string; help: string }>> = {
  EACCES: {
    reason: "not permitted",
    help: "Ports below 1024 belong to the system: take a higher one with `port` or `--port`.",
  },
  EADDRNOTAVAIL: {
    reason: "this machine has no such address",
    help: "Correct `host`: 127.0.0.1 for this machine only.",
  },
  ENOTFOUND: { reason: "there is no such host", help: "Correct `host`: 127.0.0.1 for this machine only." },
  EAI_AGAIN: {
    reason: "the name of the host cannot be looked up",
    help: "Correct `host`: 127.0.0.1 for this machine only.",
  },
};
