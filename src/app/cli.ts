import { Command, CommanderError } from "commander";
import type { Command as Body, Common, Context } from "./commands/command.ts";
import { portNumber, readInput, seconds, wholeNumber } from "./commands/operands.ts";
import { CommandFailed, failure, trouble } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { systemTrouble } from "./system-errors.ts";
import { VERSION } from "./version.ts";

/** Runs one command line (without the names of node and the program) and tells what to exit with. Never rejects. */
export async function runCommandLine(args: readonly string[], context: Context): Promise<ExitCode> {
  const state: { code: ExitCode } = { code: EXIT.ok };
  const { terminal } = context;
  const asJson = args.includes("--json");
  try {
    await build(context, code => {
      state.code = code;
    }).parseAsync(args, { from: "user" });
    return state.code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    // Asked for nothing in particular: commander has printed the help.
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT.usage;
    const { ending } = asFailure(error, args);
    const text = ending.render(terminal.paint.err);
    if (asJson) terminal.json(JSON.stringify(ending.json));
    else terminal.err(text);
    context.tellFailed(text);
    return ending.exit;
  }
}

function asFailure(error: unknown, args: readonly string[]): CommandFailed {
  if (error instanceof CommandFailed) return error;
  if (error instanceof CommanderError) {
    const what = error.message.replace(/^error: /, "").replace(/\n/g, " ");
    return failure(
      trouble("usage", what, {
        where: ["rad", ...args].join(" "),
        help: ["Add `--help` to see what the command takes."],
      }),
    );
  }
  const refused = systemTrouble(error);
  if (refused) return failure(refused);
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  const where =
    stack
      ?.split("\n")
      .slice(1, 4)
      .map(line => line.trim())
      .join(" ") ?? "unknown";
  return failure(
    trouble("internal", message, { where, help: ["This should not happen: please report it with the line above."] }),
  );
}

/** What is given to a command on the command line, as commander hands it over. */
type Given = Record<string, unknown>;
type Load<Options extends Common> = () => Promise<Body<Options>>;

/** Makes the action of a command of what its file has to offer. */
type Run = ReturnType<typeof runner>;
function runner(context: Context, done: (code: ExitCode) => void) {
  return <Options extends Common>(
    load: Load<Options>,
    given: (...operands: (string | undefined)[]) => Given = () => ({}),
  ) =>
    async (...handed: unknown[]): Promise<void> => {
      const command = handed.at(-1) as Command;
      const operands = handed.slice(0, -2) as (string | undefined)[];
      const body = await load();
      done(await body({ ...command.opts(), ...given(...operands) } as Options, context));
    };
}

const define = (parent: Command, name: string, description: string): Command =>
  parent
    .command(name)
    .description(description)
    .option("-c, --config <file>", "configuration file; an instance is its file")
    .option("--allow-insecure-config", "use a configuration that other users can change");
const demo = (command: Command): Command =>
  command.option("--demo", "the built-in demo fleet instead of a configuration file");
const json = (command: Command, what = "print one JSON object"): Command => command.option("--json", what);

function build(context: Context, done: (code: ExitCode) => void): Command {
  const program = new Command("rad")
    .description("Radium MCP Proxy: one endpoint in front of many MCP servers.")
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: text => context.terminal.out(text.trimEnd()),
      writeErr: text => context.terminal.err(text.trimEnd()),
      // Errors are printed in one place, as all others are.
      outputError: () => {},
    })
    .addHelpText("after", EXAMPLES);
  const mcp = program
    .command("mcp")
    .description("Use and manage MCP servers through the proxy.")
    .addHelpText("after", EXAMPLES);
  const proxy = mcp.command("proxy").description("The proxy itself.").addHelpText("after", EXAMPLES);
  const run = runner(context, done);
  addProxyCommands(proxy, run);
  addMcpCommands(mcp, run);
  return program;
}

function addProxyCommands(proxy: Command, run: Run): void {
  define(proxy, "init", "Write a commented starter configuration to .radium/mcp-proxy.toml.")
    .option("-f, --force", "replace the file if it exists")
    .option("--print", "print it instead")
    .action(run(async () => (await import("./commands/init.ts")).init));
  demo(define(proxy, "start", "Start the proxy. It serves at once and connects to its upstreams meanwhile."))
    .option("--host <host>", "address to listen on")
    .option("-p, --port <number>", "port to listen on; 0 takes a free one", portNumber)
    .option("-d, --detach", "run in the background; returns when it listens")
    .option(
      "--allow-unauthenticated",
      "listen on an address that others can reach although nothing authenticates agents",
    )
    .action(run(async () => (await import("./commands/start.ts")).start));
  demo(define(proxy, "stop", "Stop the proxy; running calls may finish."))
    .option("-t, --timeout <seconds>", "how long running calls may take", seconds, 30)
    .action(run(async () => (await import("./commands/stop.ts")).stop));
  demo(define(proxy, "restart", "Stop the proxy if it runs, and start it in the background."))
    .option("-t, --timeout <seconds>", "how long running calls may take", seconds, 30)
    .action(run(async () => (await import("./commands/restart.ts")).restart));
  demo(json(define(proxy, "reload", "Let the running proxy read its configuration again."))).action(
    run(async () => (await import("./commands/reload.ts")).reload),
  );
  demo(json(define(proxy, "status", "Show whether the proxy runs, its upstreams, and what is wrong.")))
    .option("-w, --watch", "show it again every second")
    .action(run(async () => (await import("./commands/status.ts")).status));
  demo(json(define(proxy, "logs", "Show the log of calls."), "print the lines as they are: a JSON object each"))
    .option("-f, --follow", "go on with what is added")
    .option("-n, --lines <number>", "how many of the last lines (default: 50)", wholeNumber)
    .option("--stderr <upstream>", "what the child of that upstream wrote to stderr")
    .action(run(async () => (await import("./commands/logs.ts")).logs));
  json(define(proxy, "validate", "Check the configuration and say everything that is wrong with it.")).action(
    run(async () => (await import("./commands/validate.ts")).validate),
  );
  json(define(proxy, "trust", "Let a configuration that came with a repository start what it names.")).action(
    run(async () => (await import("./commands/trust.ts")).trust),
  );
  define(proxy, "stdio", "Serve one agent on standard input and output, without a port.").action(
    run(
      async () => (await import("./commands/stdio.ts")).stdio,
      () => ({ streams: { input: process.stdin, output: process.stdout } }),
    ),
  );
}

function addMcpCommands(mcp: Command, run: Run): void {
  json(demo(define(mcp, "list", "List the upstreams and their states."))).action(
    run(async () => (await import("./commands/list.ts")).list),
  );
  json(demo(define(mcp, "tools", "List the tools that agents see.")))
    .argument("[upstream]", "only those of this upstream")
    .action(
      run(
        async () => (await import("./commands/catalog.ts")).tools,
        upstream => ({ upstream }),
      ),
    );
  json(demo(define(mcp, "call", "Call a tool.")))
    .argument("<name>", "its name, or upstream:tool")
    .option("-a, --args <json>", "its arguments, as a JSON object; - reads them from standard input")
    .action(
      run(
        async () => (await import("./commands/call.ts")).call,
        name => ({ name, readInput }),
      ),
    );
  json(demo(define(mcp, "test", "Connect to the upstreams and say how it went.")))
    .argument("[upstream]", "only this one")
    .action(
      run(
        async () => (await import("./commands/test.ts")).test,
        upstream => ({ upstream }),
      ),
    );
  json(demo(define(mcp, "prompts", "List the prompts that agents see.")))
    .argument("[upstream]", "only those of this upstream")
    .action(
      run(
        async () => (await import("./commands/catalog.ts")).prompts,
        upstream => ({ upstream }),
      ),
    );
}

const EXAMPLES = `
Examples:
  rad mcp proxy start --demo                 try it without any configuration
  rad mcp proxy init                         write .radium/mcp-proxy.toml
  rad mcp proxy start --detach               start in the background
  rad mcp proxy status                       see how it is
  rad mcp call files:read_file --args '{"path":"README.md"}'

Exit codes: 0 ok, 1 error, 2 usage, 3 not running, 4 already running or port taken, 5 configuration bad or missing,
6 running but degraded (status), 7 authentication, 8 timed out, 9 disabled by enable = false, 10 not trusted yet.`;
