// Bundles src/ into dist/. Dependencies stay outside the bundle; command bodies become chunks that load on demand.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { build } from "esbuild";

/** A gateway that runs may still load chunks of the build before; after this long they are removed. */
const KEEP_OLD_MS = 60 * 60_000;

const outdir = resolve("dist");
const { outputFiles } = await build({
  entryPoints: {
    rad: "src/app/main.ts",
    "demo-server": "src/demo/server.ts",
    "schema-worker": "src/lib/schema-worker.ts",
  },
  outdir,
  write: false,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  chunkNames: "chunks/[name]-[hash]",
  sourcemap: true,
  logLevel: "warning",
});

/** Entry points take their place after the chunks that they name, and every file only when it is whole. */
const isEntry = ({ path }) => dirname(path) === outdir;
for (const file of outputFiles.sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
  mkdirSync(dirname(file.path), { recursive: true });
  const whole = `${file.path}.${process.pid}`;
  writeFileSync(whole, file.contents);
  if (basename(file.path) === "rad.js") chmodSync(whole, 0o755);
  renameSync(whole, file.path);
}

const made = new Set(outputFiles.map(({ path }) => relative(outdir, path)));
for (const name of readdirSync(outdir, { recursive: true, encoding: "utf8" })) {
  const path = resolve(outdir, name);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() && !made.has(name) && Date.now() - stat.mtimeMs > KEEP_OLD_MS) rmSync(path, { force: true });
}
