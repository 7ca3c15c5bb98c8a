import type { Hidden } from "../../core/catalog.ts";
import type { Listed } from "../control/gateway-client.ts";
import { EXIT } from "../exit-codes.ts";
import { printable } from "../terminal/printable.ts";
import { hiddenLines } from "../terminal/summary.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { enumerate } from "../terminal/words.ts";
import type { Command, Common } from "./command.ts";
import { DIAL_MS, knownUpstream, withClient } from "./with-gateway.ts";

export interface CatalogOptions extends Common {
  readonly upstream?: string | undefined;
}

const SHOWN = {
  tool: { member: "tools", schema: "rad.tools/1" },
  prompt: { member: "prompts", schema: "rad.prompts/1" },
} as const;

/** Everything of one kind that agents see; of one upstream, if one is named. */
const catalogOf =
  (kind: keyof typeof SHOWN): Command<CatalogOptions> =>
  (options, context) =>
    // Names depend on what all upstreams offer, so a listing of one needs the others as well.
    withClient({ ...options, upstream: undefined }, context, async client => {
      const { entries, missing, upstreams, hidden = [] } = await client.catalog({ waitMs: DIAL_MS });
      const { upstream } = options;
      if (upstream !== undefined) knownUpstream(upstream, upstreams);
      const shown = entries[kind].filter(entry => upstream === undefined || entry.upstreams.includes(upstream));
      const absent = missing.filter(name => upstream === undefined || name === upstream);
      const left = hidden.filter(each => each.kind === kind && (upstream === undefined || each.upstream === upstream));
      const { member, schema } = SHOWN[kind];
      if (options.json)
        context.terminal.json(JSON.stringify({ schema, [member]: shown, missing: absent, hidden: left }));
      else print(shown, { member, absent, hidden: left }, context.terminal);
      return EXIT.ok;
    });

function print(
  entries: readonly Listed[],
  { member, absent, hidden }: { member: string; absent: readonly string[]; hidden: readonly Hidden[] },
  terminal: Terminal,
): void {
  const rows = entries.map(({ name, upstreams, description }) => [name, upstreams.join(", "), firstLine(description)]);
  const lines = table(["name", "upstreams", "description"], rows, {
    paint: terminal.paint.out,
    columns: terminal.columns(),
  });
  if (entries.length > 0) terminal.out(lines.join("\n"));
  else terminal.err(`There are no ${member}.`);
  const left = hiddenLines(hidden, terminal.paint.err);
  if (left.length > 0) terminal.err(`\n${left.join("\n")}`);
  if (absent.length > 0) {
    terminal.err(
      `\nNot shown: the ${member} of ${printable(enumerate(absent))}, not reached so far. \`rad mcp test\` says why.`,
    );
  }
}

const firstLine = (text: string): string => text.trim().split(/[\r\n]/, 1)[0] ?? "";

export const tools = catalogOf("tool");
export const prompts = catalogOf("prompt");
