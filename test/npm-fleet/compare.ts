import { isDeepStrictEqual } from "node:util";
import type { Seen, Silent, Tool } from "./connect.ts";

/** One server, by itself and through the gateway. */
export interface Compared {
  readonly name: string;
  readonly tools: number;
  readonly called: string;
  /** Every difference; none where all is well. */
  readonly wrong: readonly string[];
}

/** What is other through the gateway than directly. */
export function compare(name: string, direct: Seen, through: Seen | Silent): Compared {
  const row = { name, tools: direct.tools.length, called: direct.call?.tool ?? "(lists only)" };
  if (through.kind === "silent") return { ...row, wrong: [`no answer: ${through.why}`] };
  const others = new Map(through.tools.map(tool => [tool.name, tool]));
  const missing = direct.tools.filter(tool => !others.has(tool.name)).map(nameOf);
  const changed = direct.tools.filter(tool => others.has(tool.name) && !isDeepStrictEqual(others.get(tool.name), tool));
  const more = through.tools.length - (direct.tools.length - missing.length);
  const sameAnswer = said(through.answer) === said(direct.answer);
  return {
    ...row,
    wrong: [
      ...(missing.length > 0 ? [`not listed: ${missing.join(", ")}`] : []),
      ...(changed.length > 0 ? [`listed otherwise: ${changed.map(nameOf).join(", ")}`] : []),
      ...(more > 0 ? [`${more} too many`] : []),
      ...(sameAnswer ? [] : [`answers ${short(through.answer)} instead of ${short(direct.answer)}`]),
    ],
  };
}

/**
 * What a tool said, as text: without the time of day, and without the name of the server, which one revision adds to every
 * result and the others do not.
 */
function said(answer: unknown): string {
  const { _meta = {}, ...rest } = (answer ?? {}) as { readonly _meta?: object };
  const meta = Object.entries(_meta).filter(([key]) => key !== "io.modelcontextprotocol/serverInfo");
  return JSON.stringify([rest, meta]).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME");
}

const nameOf = (tool: Tool): string => tool.name;
const short = (answer: unknown): string => JSON.stringify(answer)?.slice(0, 200) ?? "nothing";
