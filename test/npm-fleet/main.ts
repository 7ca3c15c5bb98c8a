/**
 * `npm run peers:npm [-- NAME…]`: servers that people run, each by itself, then all of them behind one gateway. What a server
 * lists and answers directly, it must list and answer through the gateway. The first run installs them.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { endWithChildren } from "../chaos/ending.ts";
import { type Compared, compare } from "./compare.ts";
import { behindGateway, beside } from "./connect.ts";
import { findServers, installServers } from "./install.ts";

/** So many must start here, or the run says nothing. */
const ENOUGH = 60;

endWithChildren();
const dir = mkdtempSync(join(tmpdir(), "radium-npm-fleet-"));
process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
const only = process.argv.slice(2);

installServers();
const servers = findServers(dir).filter(({ name }) => only.length === 0 || only.includes(name));
console.log(`${servers.length} servers, each by itself`);
const direct = await beside(servers, {
  atOnce: availableParallelism(),
  told({ name }, seen) {
    if (seen.kind === "silent") console.log(`  ${name} does not start here: ${seen.why}`);
  },
});
const starting = direct.filter(({ seen }) => seen.kind === "answered");

console.log(`${starting.length} of them behind one gateway`);
const gateway = await behindGateway(starting.map(({ server }) => server));
console.log(`  listens after ${gateway.listensAfterMs} ms; the last one is ready after ${gateway.readyAfterMs} ms`);
const rows: Compared[] = [];
for (const { server, seen } of starting)
  if (seen.kind === "answered") rows.push(compare(server.name, seen, await gateway.ask(server, seen.call)));
const all = await gateway.all();
const sum = rows.reduce((tools, row) => tools + row.tools, 0);
const together = all.tools.length === sum ? [] : [`all together: ${all.tools.length} of ${sum} tools`, ...all.hidden];
await gateway.close();

const width = Math.max(...rows.map(({ name }) => name.length));
for (const { name, tools, called, wrong } of rows)
  console.log(
    `${name.padEnd(width)}  ${String(tools).padStart(4)} tools  ${called.padEnd(20)}  ${wrong.join("; ") || "ok"}`,
  );
const failures = [
  ...rows.filter(({ wrong }) => wrong.length > 0).map(({ name }) => name),
  ...together,
  ...gateway.unready,
  ...(only.length === 0 && starting.length < ENOUGH ? [`only ${starting.length} of ${ENOUGH} start here`] : []),
];
for (const failure of failures) console.log(`FAILED ${failure}`);
const skipped = direct.length - starting.length;
console.log(`all together: ${all.tools.length} tools`);
console.log(`${rows.length + 1 - failures.length} passed, ${failures.length} failed, ${skipped} skipped`);
process.exit(failures.length > 0 ? 1 : 0);
