import { EXIT } from "../exit-codes.ts";
import { explainFailure, hasFailed } from "../terminal/states.ts";
import { styleOf, upstreamTable } from "../terminal/summary.ts";
import type { Command, Common } from "./command.ts";
import { DIAL_MS, withClient } from "./with-gateway.ts";

/** The upstreams, with their states. */
export const list: Command<Common> = (options, context) =>
  withClient(options, context, async client => {
    const { terminal } = context;
    const { upstreams } = await client.status({ waitMs: DIAL_MS });
    if (options.json) terminal.json(JSON.stringify({ schema: "rad.list/1", upstreams }));
    else {
      const style = styleOf(terminal);
      terminal.out(
        (upstreams.length > 0 ? upstreamTable(upstreams, style) : ["No upstreams are configured."]).join("\n"),
      );
      for (const failed of upstreams.filter(hasFailed))
        terminal.err(`\n${explainFailure(failed, terminal.paint.err).join("\n")}`);
    }
    return EXIT.ok;
  });
