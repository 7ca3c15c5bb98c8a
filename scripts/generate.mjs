// Writes what is generated: the reference page and the JSON Schema for editors from the configuration's schema, the page
// about revisions from what the tests use, the page about SDKs from what was measured last.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Path in the repository → content. */
export async function generated() {
  const bundle = join(root, "node_modules/.cache/generate.mjs");
  await build({
    stdin: {
      contents: `
        export * from "./src/config/json-schema.ts";
        export * from "./src/config/reference.ts";
        export * from "./test/eras/page.ts";
        export * from "./test/peers/fleet/page.ts";
      `,
      resolveDir: root,
    },
    outfile: bundle,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    packages: "external",
    logLevel: "warning",
  });
  const { compatibilityPage, erasPage, jsonSchema, referencePage } = await import(pathToFileURL(bundle).href);
  const read = path => JSON.parse(readFileSync(join(root, path), "utf8"));
  const suite = read("test/conformance/expected-failures.json");
  return {
    "docs/compatibility.md": compatibilityPage(read("test/peers/fleet/results.json")),
    "docs/eras.md": erasPage(suite),
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
