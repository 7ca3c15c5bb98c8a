import { Payload } from "../../core/payload.ts";
import { AGENT_TEXT } from "../../core/scan-limits.ts";
import { Aborter } from "../../core/signal.ts";
import type { CallFailure } from "../control/gateway-client.ts";
import { type ErrorName, fail } from "../errors.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printableLines } from "../terminal/printable.ts";
import type { Command, Common, Context } from "./command.ts";
import { contentLines } from "./content.ts";
import { DIAL_MS, withClient } from "./with-gateway.ts";

export interface CallOptions extends Common {
  readonly name: string;
  /** JSON text of an object, or `-` for standard input. */
  readonly args?: string | undefined;
  readonly readInput?: () => Promise<string>;
}

/** Calls a tool and prints what it says. */
export const call: Command<CallOptions> = async (options, context) => {
  const args = parseArguments(
    options.args === "-" && options.readInput ? await options.readInput() : (options.args ?? "{}"),
  );
  return withClient(options, context, async (client, pid) => {
    const wanted = new Aborter();
    const abort = (): void => wanted.abort();
    context.signals.on("SIGINT", abort);
    context.signals.on("SIGTERM", abort);
    try {
      if (pid === undefined) await client.status({ waitMs: DIAL_MS });
      const answer = await client.call({ name: options.name, args, signal: wanted.signal });
      if (answer.kind === "failed") return failed(answer.failure, options.name);
      if (answer.kind === "asks") {
        return fail("callFailed", `${options.name} asks a question, which only an agent can answer`, {
          where: `upstream ${answer.upstream ?? "unknown"}`,
          help: ["Call it from an agent that supports elicitation or sampling."],
        });
      }
      return print(answer.result, { upstream: answer.upstream, options }, context);
    } finally {
      context.signals.off("SIGINT", abort);
      context.signals.off("SIGTERM", abort);
    }
  });
};

function parseArguments(text: string): Payload {
  try {
    return Payload.parse(text, AGENT_TEXT);
  } catch (error) {
    return fail("usage", `The arguments are not a JSON object: ${(error as Error).message}`, {
      where: `--args ${text.slice(0, 200)}`,
      help: [
        `Write an object, in quotes for the shell: --args '{"path": "."}'.`,
        "Or send it to standard input: --args -.",
      ],
    });
  }
}

/** With `--json` the result is the tool's own bytes; numbers and unknown members stay what they were. */
function print(
  result: Payload,
  told: { upstream: string | null; options: CallOptions },
  { terminal }: Context,
): ExitCode {
  const isError = result.raw("isError")?.toString() === "true";
  const { name, json } = told.options;
  if (json) {
    const envelope = Payload.of({ schema: "rad.call/1", name, upstream: told.upstream, isError });
    terminal.json(envelope.with({ result: result.bytes }).bytes.toString("utf8"));
  } else {
    terminal.out(contentLines(result.value()).map(printableLines).join("\n"));
    if (isError) terminal.err(terminal.paint.err("bad", "The tool reported an error."));
  }
  return isError ? EXIT.error : EXIT.ok;
}

const ERROR_OF: Readonly<Record<CallFailure["reason"], ErrorName>> = {
  unknown_name: "unknownName",
  timed_out: "timedOut",
  authentication: "upstreamAuth",
  other: "callFailed",
};

const SEE_UPSTREAMS = "See the upstreams: `rad mcp proxy status`, or `rad mcp test`.";
const HELP_OF: Readonly<Record<CallFailure["reason"], readonly string[]>> = {
  unknown_name: ["See what there is: `rad mcp tools`."],
  timed_out: [
    "Let its calls take longer: `timeout` of the upstream, or `tool_timeouts` for this tool, in the configuration.",
    SEE_UPSTREAMS,
  ],
  authentication: ["Check its credentials: `auth` or `headers` in the configuration.", SEE_UPSTREAMS],
  other: [SEE_UPSTREAMS],
};

function failed({ reason, message, detail, code }: CallFailure, name: string): never {
  return fail(ERROR_OF[reason], message, {
    where: `${name}${detail ? `: ${detail}` : ""} (JSON-RPC error ${code})`,
    help: HELP_OF[reason],
  });
}
