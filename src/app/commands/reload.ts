import { remoteClient } from "../control/remote-gateway.ts";
import { CommandFailed, fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { printable, printableLines } from "../terminal/printable.ts";
import { type Command, type Common, nameOf, placesFor, running, standingOf } from "./command.ts";

/** Lets the running gateway read its configuration again. A bad one changes nothing. */
export const reload: Command<Common> = async (options, context) => {
  const places = placesFor(options, context);
  const record = running(standingOf(places));
  if (!record) {
    return fail("notRunning", "The proxy is not running", {
      where: nameOf(places),
      help: ["Start it: `rad mcp proxy start`."],
    });
  }
  const report = await remoteClient(record).reload();
  if (!report.ok) {
    const text = report.problems.map(printableLines).join("\n\n");
    const message = "The configuration was not reloaded; the gateway goes on with the old one";
    throw new CommandFailed({
      exit: EXIT.badConfig,
      summary: message,
      render: paint => `${text}\n\n${paint("strong", `${message}.`)}`,
      json: {
        schema: "rad.error/1",
        error: { code: "RAD2017", name: "badConfig", message, where: nameOf(places), help: report.problems },
        exitCode: EXIT.badConfig,
      },
    });
  }
  if (options.json) {
    context.terminal.json(JSON.stringify({ schema: "rad.reload/1", changes: report.changes }));
    return EXIT.ok;
  }
  const lines =
    report.changes.length > 0 ? report.changes.map(change => `  ${printable(change)}`) : ["  Nothing changed."];
  context.terminal.out(["Reloaded.", ...lines].join("\n"));
  return EXIT.ok;
};
