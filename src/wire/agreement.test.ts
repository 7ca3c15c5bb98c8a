import fc from "fast-check";
import { expect, test } from "vitest";
import { AGENT_MESSAGE } from "../core/scan-limits.ts";
import { readMessage } from "./message.ts";
import { isKnown } from "./methods.ts";

/** JSON in which a key can stand twice. */
type Tree = string | number | Tree[] | { readonly pairs: readonly (readonly [key: string, value: Tree])[] };

const isObject = (tree: Tree): tree is Extract<Tree, { pairs: unknown }> =>
  typeof tree === "object" && !Array.isArray(tree);

/** `escaped`: every character of a key as an escape, which changes nothing. */
function textOf(tree: Tree, escaped = false): string {
  if (Array.isArray(tree)) return `[${tree.map(one => textOf(one, escaped)).join()}]`;
  if (!isObject(tree)) return JSON.stringify(tree);
  const keyText = (key: string): string =>
    escaped
      ? `"${[...Array(key.length).keys()].map(at => `\\u${key.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`
      : JSON.stringify(key);
  return `{${tree.pairs.map(([key, value]) => `${keyText(key)}:${textOf(value, escaped)}`).join()}}`;
}

/** When a reader takes a key for a name. */
const EQUALS = {
  exact: (key: string, name: string) => key === name,
  // Go folds simply, which takes two characters beyond ASCII for letters.
  go: (key: string, name: string) =>
    key.replaceAll("\u017f", "s").replaceAll("\u212a", "k").toLowerCase() === name.toLowerCase(),
  upper: (key: string, name: string) => key.toUpperCase() === name.toUpperCase(),
  lower: (key: string, name: string) => key.toLowerCase() === name.toLowerCase(),
  c: (key: string, name: string) => key.split("\0")[0] === name,
  trimmed: (key: string, name: string) => key.trim() === name,
  snake: (key: string, name: string) => key === name || key === name.replace(/[A-Z]/g, x => `_${x.toLowerCase()}`),
} satisfies Record<string, (key: string, name: string) => boolean>;
const READERS = Object.values(EQUALS).flatMap(equals => [
  (pairs: readonly (readonly [string, Tree])[], name: string) => pairs.find(([key]) => equals(key, name))?.[1],
  (pairs: readonly (readonly [string, Tree])[], name: string) => pairs.findLast(([key]) => equals(key, name))?.[1],
]);

/** What a message is routed and judged by. */
const ROUTED: readonly (readonly string[])[] = [
  ["id"],
  ["method"],
  ["params", "name"],
  ["params", "uri"],
  ["params", "requestState"],
  ["params", "taskId"],
  ["params", "cursor"],
  ["params", "ref", "name"],
  ["params", "_meta", "progressToken"],
  ["params", "_meta", "io.modelcontextprotocol/protocolVersion"],
  ["params", "arguments", "data", "key"],
];

function valueAt(tree: Tree, path: readonly string[], reader: (typeof READERS)[number]): string {
  let at: Tree | undefined = tree;
  // The names of data are the tool's own: only a key that stands twice is read differently there.
  const ofData = path[1] === "arguments";
  for (const [depth, name] of path.entries()) {
    if (at === undefined || !isObject(at)) return "nothing";
    at = ofData && depth > 1 ? (reader === READERS[0] ? first : last)(at.pairs, name) : reader(at.pairs, name);
  }
  return at === undefined ? "nothing" : textOf(at);
}
const [first, last] = READERS as [(typeof READERS)[number], (typeof READERS)[number]];

const twin = (name: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    ...[name, name, name.toUpperCase(), name.replace(/s/g, "\u017f"), name.replace(/k/gi, "\u212a"), `${name}\0`],
    ...[`${name} `, `${name}\0x`, name.replace(/[A-Z]/g, x => `_${x.toLowerCase()}`), `x${name}`, name.slice(1)],
    ...[name.charAt(0).toUpperCase() + name.slice(1)],
  );
const value: fc.Arbitrary<Tree> = fc.constantFrom<Tree>("echo", "secret", 1, 2, { pairs: [] });
const member = (name: string, inner: fc.Arbitrary<Tree> = value) => fc.tuple(twin(name), inner);
/** Members as they should be, with a few more that are nearly so. */
const object = (plain: readonly [string, fc.Arbitrary<Tree>][], others: readonly string[]): fc.Arbitrary<Tree> =>
  fc
    .tuple(
      fc.tuple(...plain.map(([name, inner]) => fc.tuple(fc.constant(name), inner))),
      fc.array(
        fc.constantFrom(...others, ...plain.map(([name]) => name)).chain(name => member(name)),
        { maxLength: 2 },
      ),
    )
    .chain(([good, odd]) => fc.shuffledSubarray([...good, ...odd], { minLength: good.length }))
    .map(pairs => ({ pairs }));

const meta = object([["progressToken", value]], ["io.modelcontextprotocol/protocolVersion", "x/y"]);
const ref = object([["name", value]], ["type", "uri"]);
const data = object([["data", object([["key", value]], ["Key"])]], ["other"]);
const params = object(
  [
    ["name", value],
    ["_meta", meta],
    ["ref", ref],
    ["arguments", data],
  ],
  ["uri", "requestState", "taskId", "cursor"],
);
const message = object(
  [
    ["jsonrpc", fc.constant("2.0")],
    ["id", fc.constantFrom(1, 2)],
    ["method", fc.constantFrom("tools/call", "completion/complete", "tasks/get")],
    ["params", params],
  ],
  ["result", "error", "x"],
);

test("T-20 of a message that is taken every reader, however lax, reads the same", () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(message, fc.boolean(), (tree, escaped) => {
      const text = textOf(tree, escaped);
      const read = readMessage(Buffer.from(text), AGENT_MESSAGE);
      seen[read.kind === "invalid" ? "refused" : "taken"]++;
      if (read.kind !== "request") return;
      // What the parameters of somebody's own method mean is not ours to judge, but for what all requests have.
      const routed = ROUTED.filter(([, name]) => isKnown(read.method) || name === undefined || name === "_meta");
      for (const path of routed) {
        const answers = new Set(READERS.map(reader => valueAt(tree, path, reader)));
        expect([...answers], `${path.join(".")} of ${text}`).toHaveLength(1);
      }
    }),
    { numRuns: 4_000 },
  );
  expect(seen.taken).toBeGreaterThan(100);
  expect(seen.refused).toBeGreaterThan(100);
});
