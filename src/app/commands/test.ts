import type { Hidden } from "../../core/catalog.ts";
import { upstreamName } from "../../core/names.ts";
import type { Tested } from "../control/gateway-client.ts";
import { EXIT } from "../exit-codes.ts";
import { explainFailure, symbolOf, toneOf, wordOf } from "../terminal/states.ts";
import { hiddenLines, type Style, styleOf } from "../terminal/summary.ts";
import { table } from "../terminal/table.ts";
import { duration } from "../terminal/words.ts";
import type { Command, Common } from "./command.ts";
import { DIAL_MS, knownUpstream, withClient } from "./with-gateway.ts";

export interface TestOptions extends Common {
  readonly upstream?: string | undefined;
}

/** Connects to the upstreams, or to one of them, and says how it went. */
export const test: Command<TestOptions> = (options, context) =>
  withClient(options, context, async (client, pid) => {
    const { terminal } = context;
    const report = await client.test({ waitMs: DIAL_MS });
    const { upstream } = options;
    if (upstream !== undefined)
      knownUpstream(
        upstream,
        report.upstreams.map(({ name }) => name),
      );
    const tested = report.upstreams.filter(({ name }) => upstream === undefined || name === upstream);
    const bad = tested.filter(isBad);
    if (options.json)
      terminal.json(
        JSON.stringify({ schema: "rad.test/1", ok: bad.length === 0, pid: pid ?? null, upstreams: tested }),
      );
    else {
      if (pid !== undefined) terminal.err(`As the running gateway (pid ${pid}) sees it:`);
      terminal.out(lines(tested, styleOf(terminal)).join("\n"));
      const hidden = hiddenLines(tested.flatMap(hiddenOf), terminal.paint.err);
      if (hidden.length > 0) terminal.err(`\n${hidden.join("\n")}`);
      for (const one of bad) terminal.err(`\n${explainFailure(reasoned(one), terminal.paint.err).join("\n")}`);
    }
    return bad.length === 0 ? EXIT.ok : EXIT.error;
  });

const hiddenOf = ({ name, hidden = [] }: Tested): Hidden[] =>
  hidden.map(each => ({ ...each, upstream: upstreamName(name) }));

const isBad = ({ state }: Tested): boolean => state !== "ready" && state !== "disabled" && state !== "degraded";

const reasoned = (one: Tested): Tested =>
  one.lastError === null && one.state === "connecting"
    ? { ...one, lastError: `no answer within ${duration(DIAL_MS)}` }
    : one;

function lines(tested: readonly Tested[], { paint, columns, unicode }: Style): string[] {
  if (tested.length === 0) return ["No upstreams are configured."];
  const rows = tested.map(({ name, state, protocolVersion, tools, prompts, resources, tookMs }) => [
    { text: `${symbolOf(state, unicode)} ${name}`, tone: toneOf(state) },
    { text: wordOf(state), tone: toneOf(state) },
    protocolVersion ?? "-",
    String(tools),
    String(prompts),
    String(resources),
    tookMs === null ? "-" : duration(tookMs),
  ]);
  const headers = ["  upstream", "state", "revision", "tools", "prompts", "resources", "time"];
  return table(headers, rows, { paint, columns, right: [3, 4, 5, 6] });
}
