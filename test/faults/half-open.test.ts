import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { expect } from "vitest";
import { ROOT } from "../fixtures/build.ts";
import type { Json } from "../fixtures/upstream/contract.ts";
import { row } from "./lab.ts";

/** Runs the driver beside this file in a network namespace that ends with it. */
async function drive(): Promise<Json & { runs: Record<string, number[]> }> {
  const outfile = join(ROOT, `node_modules/.cache/radium/half-open.${process.pid}.mjs`);
  const origin = pathToFileURL(join(ROOT, "test/fixtures/build.ts")).href;
  buildSync({
    ...{ entryPoints: [join(ROOT, "test/faults/half-open.driver.ts")], outfile, bundle: true, format: "esm" },
    ...{ platform: "node", target: "node20.19", packages: "external", logLevel: "warning" },
    // Where the repository is, for code that asks where it lies.
    define: { "import.meta.url": JSON.stringify(origin) },
  });
  try {
    const { stdout } = await promisify(execFile)("unshare", ["--net", process.execPath, outfile], { timeout: 50_000 });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  } finally {
    rmSync(outfile, { force: true });
  }
}

row(
  "F-06",
  "a peer that vanishes without a word costs one deadline, and is used again when it is back (nftables)",
  async () => {
    const { unsafe, safe, before, healed, runs } = await drive();
    expect(before).toMatchObject({ result: {} });
    const gateway = { reason: "upstream_timeout", delivery: "unknown", retryable: false };
    expect(unsafe).toMatchObject({ error: { code: -31002, data: { gateway } } });
    expect(safe).toMatchObject({ result: { content: [{ text: "3" }] } });
    expect(healed).toBe(true);
    // What the kernel still had in hand may arrive late, once.
    expect(Math.max(...runs.unsafe!)).toBeLessThanOrEqual(1);
    expect([runs.unsafe![1], runs.safe![1]]).toEqual([0, 1]);
  },
  ["root", "linux", "unshare", "ip", "nft"],
);
