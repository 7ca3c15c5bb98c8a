// Bundles src/ into dist/. Dependencies stay outside the bundle; command bodies become chunks that load on demand.
import { chmodSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: { rad: "src/app/main.ts", "demo-server": "src/demo/server.ts" },
  outdir: "dist",
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
chmodSync("dist/rad.js", 0o755);
