/**
 * What the instruction count is of: `node work.mjs CASE TIMES` does one thing so often, and nothing else. No clock, no I/O,
 * the same bytes each time.
 */
import type { Call, Noted } from "../src/core/call.ts";
import { Payload } from "../src/core/payload.ts";
import { AGENT_MESSAGE, UPSTREAM_MESSAGE } from "../src/core/scan-limits.ts";
import { createKnownSecrets } from "../src/core/secrets/known-secrets.ts";
import { audit } from "../src/guard/audit.ts";
import { createRedactor } from "../src/guard/redact.ts";
import { sending } from "../src/guard/sending.ts";
import { readMessage, requestParts, resultParts } from "../src/wire/message.ts";
import { modernUpstream } from "../src/wire/modern.ts";

const PROSE = "the quick brown fox jumps over the lazy dog and then it runs on in this line of text ";
const proseOf = (size: number): string => PROSE.repeat(Math.ceil(size / PROSE.length)).slice(0, size);
const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
  "io.modelcontextprotocol/clientCapabilities": {},
};
const text = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const request = text({
  ...{ jsonrpc: "2.0", id: 17, method: "tools/call" },
  params: { name: "echo", arguments: { text: "hello" }, _meta: META },
});
const resultOf = (result: object): Buffer => text({ jsonrpc: "2.0", id: 17, result });
const small = resultOf({ content: [{ type: "text", text: proseOf(200) }], resultType: "complete" });
const prose = resultOf({ content: [{ type: "text", text: proseOf(10_000) }], resultType: "complete" });
const items = Array.from({ length: 120 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5, tags: ["a", "b"] }));
const objects = resultOf({ content: [], structuredContent: { items }, resultType: "complete" });

function read(bytes: Buffer, limits = UPSTREAM_MESSAGE): { params: Payload; result: Payload } {
  const message = readMessage(bytes, limits);
  if (message.kind === "request" && message.params) return { params: message.params, result: message.params };
  if (message.kind === "result") return { params: message.result, result: message.result };
  throw new Error(`cannot read ${bytes.toString("utf8", 0, 100)}`);
}

const { params } = read(request, AGENT_MESSAGE);
const [smallResult, proseResult] = [read(small).result, read(prose).result];
const known = createKnownSecrets();
known.learn(["correct horse battery staple", "f00dbabe".repeat(8)]);
const redactor = createRedactor([], known);
const era = modernUpstream({ name: "radium-mcp-proxy", version: "0.1.0" });
const NOTHING = Payload.of({});
const asking = {
  ...{ method: "tools/call", params, capabilities: NOTHING, definition: undefined, input: undefined },
  ...{ logLevel: undefined, progressToken: undefined },
};
const id = Buffer.from("17");

/** Both lines of a call, as the two layers write them. */
function linesOf(result: Payload): () => void {
  let now = 0;
  const log = { ready: true, write() {}, commit: () => true };
  const clock = { now: () => ++now, wall: () => 1_764_550_000_000 + now, after: () => () => {} };
  const options = { log, redactor, clock, logRequests: true, logResponses: true, blocks: false, maxBytes: 2_048 };
  const layer = audit(options as unknown as Parameters<typeof audit>[0]);
  const before = sending({ ...options, nextId: () => "1" } as unknown as Parameters<typeof sending>[0]);
  const outcome = { kind: "done", result, route: { upstream: "mock", attempts: 1 } };
  const noted = (): Noted => ({ request: params, id: undefined, who: undefined, params: undefined });
  const caller = { principal: "127.0.0.1 bench", agent: "bench/1.0.0" };
  const bare = { caller, method: "tools/call", target: "echo", params, continues: undefined } as unknown as Call;
  const sent = before((() => outcome) as never) as (call: Call) => unknown;
  const ended = layer((() => outcome) as never) as (call: Call) => unknown;
  return () => {
    sent({ ...bare, noted: noted() } as Call);
    ended(bare);
    if (now % 32 === 0) layer.flush();
  };
}

const CASES: Readonly<Record<string, () => void>> = {
  "read a request of 300 B": () => void readMessage(request, AGENT_MESSAGE),
  "read a result of 300 B": () => void readMessage(small, UPSTREAM_MESSAGE),
  "read a result of 10 KB, text": () => void readMessage(prose, UPSTREAM_MESSAGE),
  "read a result of 10 KB, objects": () => void readMessage(objects, UPSTREAM_MESSAGE),
  "splice a request": () => void requestParts(7, "tools/call", era.request(asking, "2026-07-28").params),
  "splice a result": () => void resultParts(id, smallResult.with({ ttlMs: "0" })),
  "look for secrets in 10 KB": () => void known.hideInJson(prose),
  "both lines of a call of 300 B": linesOf(smallResult),
  "both lines of a call of 10 KB": linesOf(proseResult),
};

const [name = "", times = "0"] = process.argv.slice(2);
if (name === "list") console.log(JSON.stringify(Object.keys(CASES)));
else {
  const run = CASES[name];
  if (!run) throw new Error(`no case "${name}"`);
  for (let left = Number(times); left > 0; left--) run();
}
