import { fail } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { launchLines, summary } from "../terminal/launches.ts";
import { printable } from "../terminal/printable.ts";
import { type Command, type Common, configPathOf, placesFor, readConfig } from "./command.ts";
import { trustIn } from "./trusting.ts";

/** Says what a configuration starts and reaches, and that it may. */
export const trust: Command<Common> = async (options, context) => {
  const { terminal } = context;
  const path = configPathOf(placesFor(options, context));
  const { written } = await readConfig(path, options, context);
  const standing = trustIn({ path, written }, context);
  try {
    standing.trust();
  } catch (error) {
    fail("system", `It cannot be remembered: ${(error as Error).message}`, {
      where: path,
      help: ["Where nothing can be kept, say it each time: RADIUM_TRUST=1."],
    });
  }
  if (options.json) terminal.json(JSON.stringify({ schema: "rad.trust/1", config: path, trusted: summary(written) }));
  else {
    const title = `Trusted until it changes: ${printable(path)}`;
    terminal.out([title, "", ...launchLines(written, terminal.paint.out)].join("\n"));
  }
  return EXIT.ok;
};
