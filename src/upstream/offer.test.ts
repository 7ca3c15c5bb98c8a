import { expect, test } from "vitest";
import { upstreamName } from "../core/names.ts";
import { Payload } from "../core/payload.ts";
import type { Link } from "./link.ts";
import { fetchOffer } from "./offer.ts";

test("of a list with more entries than anybody needs the rest is left out, and that is said", async () => {
  const page = Payload.of({ tools: Array.from({ length: 15_000 }, () => ({})), nextCursor: "more" });
  let asked = 0;
  const link = {
    capabilities: Payload.of({ tools: {} }),
    ask: async () => {
      asked++;
      return { kind: "result", result: page.with({ nextCursor: JSON.stringify(`${asked}`) }) };
    },
  } as unknown as Link;
  const found = await fetchOffer(link, { upstream: upstreamName("a"), signal: new AbortController().signal });
  expect(found).toMatchObject({
    problems: ["tools/list has more than 20000 entries; the rest was left out"],
  });
  expect([found.kind === "offer" && found.offer.definitions.tool.length, asked]).toEqual([20_000, 2]);
});
