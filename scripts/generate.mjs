// Writes what is generated from the configuration's schema: the reference page and the JSON Schema for editors.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Path in the repository → content. */
export async function generated() {
  const bundle = join(root, "node_modules/.cache/generate.mjs");
  await build({
    stdin: {
      contents: 'export * from "./json-schema.ts"; export * from "./reference.ts";',
      resolveDir: join(root, "src/config"),
    },
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  const { jsonSchema, referencePage } = await import(pathToFileURL(bundle).href);
  return {
    "docs/configuration.md": referencePage(),
    "schema/mcp-proxy.schema.json": `${JSON.stringify(jsonSchema(), null, 2)}\n`,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of Object.entries(await generated())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}
