import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { functionsIn, longFunctions, MAX_FUNCTION_LINES } from "./architecture/functions.ts";
import { STILL_LONG } from "./architecture/long-functions.ts";
import { cycles, edges, ROOMS, reachesOut, type Sources, upwardImports, wrongImports } from "./architecture/rooms.ts";
import {
  forbiddenWords,
  MAX_LINES,
  machinePaths,
  missingOptionals,
  pinnedRegistries,
  tooLong,
} from "./architecture/texts.ts";
import { branchesOnVariants } from "./architecture/variation.ts";

const DEPENDENCIES = Object.keys(JSON.parse(readFileSync("package.json", "utf8")).dependencies);
const SKIPPED = new Set(["node_modules", "dist", "coverage", ".git", ".radium", "results"]);

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder || ".", { withFileTypes: true })) {
    const path = join(folder, entry.name).replaceAll("\\", "/");
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* filesIn(path);
    else if (entry.isFile() && !entry.name.endsWith(".log")) yield path;
  }
}

const tree: Sources = new Map(
  [...filesIn("")].flatMap(path => {
    const bytes = readFileSync(path);
    return bytes.includes(0) ? [] : [[path, bytes.toString("utf8")] as const];
  }),
);

/** A tree of samples: path → text. */
const sample = (files: Record<string, string>): Sources => new Map(Object.entries(files));
const wrongIn = (path: string, text: string): string[] => wrongImports(edges(sample({ [path]: text })), DEPENDENCIES);

describe("the rooms", () => {
  test("nobody looks the wrong way", () => {
    expect(edges(tree).length).toBeGreaterThan(10);
    expect(wrongImports(edges(tree), DEPENDENCIES)).toEqual([]);
  });

  test.each([
    ["a static import", 'import { x } from "../wire/message.ts";'],
    ["a bare import", 'import "../wire/message.ts";'],
    ["a type-only import", 'import type { X } from "../wire/message.ts";'],
    ["a re-export", 'export * from "../wire/message.ts";'],
    ["a dynamic import", 'const load = () => import("../wire/message.ts");'],
    ["a dynamic import of a template", "const load = () => import(`../wire/message.ts`);"],
    ["a computed import", 'const load = (name: string) => import("../wire/" + name);'],
    ["an import type", 'let x: import("../wire/message.ts").Message;'],
    ["a require", 'const x = require("../wire/message.ts");'],
  ])("a look out of core is seen in %s", (_, text) => {
    expect(wrongIn("src/core/route.ts", `// first line\n${text}`)).toEqual([
      expect.stringMatching(/^src\/core\/route\.ts:2 /),
    ]);
  });

  test.each([
    ["src/core/a.ts", "node:fs"],
    ["src/core/a.ts", "buffer"],
    ["src/core/a.ts", "zod"],
    ["src/guard/a.ts", "../config/schema.ts"],
    ["src/guard/a.ts", "undici"],
    ["src/wire/a.ts", "../config/schema.ts"],
    ["src/lib/a.ts", "../config/schema.ts"],
    ["src/config/a.ts", "../lib/log.ts"],
    ["src/config/a.ts", "undici"],
    ["src/downstream/a.ts", "../upstream/pool.ts"],
    ["src/upstream/a.ts", "../guard/redact.ts"],
    ["src/upstream/a.ts", "../app/gateway.ts"],
    ["src/demo/a.ts", "../core/payload.ts"],
    ["src/app/a.ts", "vitest"],
    ["src/app/a.ts", "@modelcontextprotocol/client"],
    ["src/app/a.ts", "../core/route.test.ts"],
    ["src/app/a.ts", "../../test/fixtures/upstream.ts"],
    ["src/attic/a.ts", "node:fs"],
  ])("%s may not import %s", (path, specifier) => {
    expect(wrongIn(path, `import type { X } from "${specifier}";`)).toHaveLength(1);
  });

  test.each([
    ["src/core/a.ts", "node:crypto"],
    ["src/core/a.ts", "./b.ts"],
    ["src/guard/a.ts", "re2js"],
    ["src/upstream/a.ts", "../wire/message.ts"],
    ["src/config/a.ts", "zod"],
    ["src/app/a.ts", "../../package.json"],
    ["src/app/commands/a.ts", "../../guard/redact.ts"],
    ["src/core/a.test.ts", "../wire/message.ts"],
  ])("%s may import %s", (path, specifier) => {
    expect(wrongIn(path, `import { x } from "${specifier}";`)).toEqual([]);
  });

  test("wire may know types of node:http, and runs nothing of it", () => {
    expect(wrongIn("src/wire/a.ts", 'import type { IncomingHttpHeaders } from "node:http";')).toEqual([]);
    expect(wrongIn("src/wire/a.ts", 'import { request } from "node:http";')).toHaveLength(1);
  });

  test("every room but app is closed to those below it", () => {
    expect(Object.values(ROOMS).flatMap(room => room.rooms)).not.toContain("app");
  });

  test.each([
    ['import { a } from "../config/schema.ts";', 1],
    ['import { type A } from "../config/schema.ts";', 1],
    ['const load = () => import("../config/schema.ts");', 1],
    ['import type { A } from "../config/schema.ts";', 0],
    ['export type { A } from "../config/schema.ts";', 0],
  ])("demo takes types from config and nothing else: %s", (text, complaints) => {
    expect(wrongIn("src/demo/fleet.ts", text)).toHaveLength(complaints);
  });

  test("no wing of upstream looks up, or at a neighbour", () => {
    expect(upwardImports(edges(tree))).toEqual([]);
  });

  test.each([
    ["src/upstream/channel/a.ts", "../http/b.ts", 1],
    ["src/upstream/http/a.ts", "../child/b.ts", 1],
    ["src/upstream/call/a.ts", "../upstream.ts", 1],
    ["src/upstream/channel/a.ts", "../attic/b.ts", 1],
    ["src/upstream/http/a.ts", "../channel/b.ts", 0],
    ["src/upstream/http/a.ts", "./b.ts", 0],
    ["src/upstream/upstream.ts", "./call/b.ts", 0],
  ])("%s that imports %s: %i complaints", (path, specifier, complaints) => {
    const all = edges(sample({ [path]: `import type { X } from "${specifier}";` }));
    expect(upwardImports(all)).toHaveLength(complaints);
  });

  test("no file reaches itself by its imports", () => {
    expect(cycles(edges(tree))).toEqual([]);
  });

  test("a cycle is seen, also when it is made of types and passes several files", () => {
    const circle = sample({
      "src/core/a.ts": 'import { b } from "./b.ts";',
      "src/core/b.ts": 'import type { C } from "./c.ts";',
      "src/core/c.ts": 'export const a = () => import("./a.ts");',
    });
    expect(cycles(edges(circle))).toEqual(["src/core/a.ts → src/core/b.ts → src/core/c.ts → src/core/a.ts"]);
  });
});

describe("below the waist", () => {
  test("nobody names a revision or a transport", () => {
    expect(forbiddenWords(tree)).toEqual([]);
  });

  test.each([
    "// a legacy session",
    "const isModern = true;",
    "const ERA = 1;",
    "type Eras = string;",
    "const parseSSEEvent = 1;",
    "const STDIO_LIMIT = 1;",
    "const httpStatus = 200;",
    'if (method === "initialize") run();',
    'const path = "server/discover";',
    'const revision = "2025-11-25";',
  ])("%j is too much", line => {
    expect(forbiddenWords(sample({ "src/guard/audit.ts": `\n${line}\n` }))).toEqual([
      expect.stringMatching(/^src\/guard\/audit\.ts:2 /),
    ]);
  });

  test("words that only contain one are fine, and so are tests and other rooms", () => {
    const files = { "src/core/a.ts": "// several operations are assessed over https, not initialized" };
    const others = { "src/core/a.test.ts": "legacy", "src/wire/legacy.ts": "legacy" };
    expect(forbiddenWords(sample({ ...files, ...others }))).toEqual([]);
  });

  test("the world comes in by parameters", () => {
    expect(reachesOut(tree)).toEqual([]);
  });

  test.each(["Date.now()", "new Date()", "console.log(1)", "setTimeout(() => {}, 1)", "Math.random()", "process.env"])(
    "%s is seen in core",
    text => {
      expect(reachesOut(sample({ "src/core/a.ts": text }))).toHaveLength(1);
      expect(reachesOut(sample({ "src/lib/a.ts": text }))).toEqual([]);
    },
  );
});

describe("variation", () => {
  test("nobody asks which transport, era or revision it is", () => {
    expect(branchesOnVariants(tree)).toEqual([]);
  });

  test.each([
    'const crashes = config.transport === "stdio";',
    'if ("sse" != transport) open();',
    'const timeout = era.name === "modern" ? 1 : 2;',
    'switch (era.name) { case "legacy": run(); }',
    'const rich = version >= "2025-11-25";',
  ])("a branch is seen: %s", line => {
    expect(branchesOnVariants(sample({ "src/upstream/a.ts": `\n${line}\n` }))).toEqual([
      expect.stringMatching(/^src\/upstream\/a\.ts:2 branches on /),
    ]);
    expect(branchesOnVariants(sample({ "src/upstream/a.test.ts": line }))).toEqual([]);
  });

  test("a table is none, and neither is a comparison of something else", () => {
    const table = 'const TABLE = { stdio: 1, http: 2 };\nconst first = TABLE["stdio"] === 1 && kind === "open";';
    expect(branchesOnVariants(sample({ "src/upstream/a.ts": table }))).toEqual([]);
  });
});

describe("the functions", () => {
  test("none has more than 80 lines of code, those of the functions within it among them", () => {
    expect(functionsIn(tree).length).toBeGreaterThan(1_000);
    expect(longFunctions(tree, STILL_LONG)).toEqual([]);
  });

  const body = (lines: number): string => "  run();\n".repeat(lines);
  const most = MAX_FUNCTION_LINES - 2;
  test.each<[string, (lines: number) => string]>([
    ["a declaration", lines => `function long() {\n${body(lines)}}`],
    ["an arrow function", lines => `const long = (a: number): void => {\n${body(lines)}};`],
    ["an expression", lines => `const long = async function () {\n${body(lines)}};`],
    ["a generator", lines => `export function* long() {\n${body(lines)}}`],
    ["a method of an object", lines => `const all = {\n  async long() {\n${body(lines)}},\n};`],
    ["an arrow function in an object", lines => `const all = {\n  long: () => {\n${body(lines)}},\n};`],
    ["a method of a class", lines => `class A {\n  long() {\n${body(lines)}}\n}`],
    ["a private method", lines => `class A {\n  #long() {\n${body(lines)}}\n}`],
    ["an accessor", lines => `const all = {\n  get long() {\n${body(lines)}},\n};`],
    ["a signature of many lines", lines => `function long(\n  a: A,\n  b: B,\n) {\n${body(lines - 3)}}`],
    ["a template of many lines", lines => `function long() {\n  run(\`${"\n".repeat(lines - 1)}\`);\n}`],
    ["functions within it", lines => `function long() {\n  const a = () => {\n${body(lines - 2)}  };\n}`],
  ])("one that is too long is seen: %s", (_, text) => {
    expect(longFunctions(sample({ "src/core/a.ts": text(most) }))).toEqual([]);
    expect(longFunctions(sample({ "src/core/a.ts": text(most + 1) }))).toEqual([
      expect.stringMatching(/^src\/core\/a\.ts #?long has 81 lines of code/),
    ]);
  });

  test("what is given to another function is a function too", () => {
    const text = `run(() => {\n${body(MAX_FUNCTION_LINES)}});\nnew A(function () {\n${body(MAX_FUNCTION_LINES)}});`;
    expect(longFunctions(sample({ "scripts/a.mjs": text }))).toHaveLength(2);
  });

  test("comments and blank lines do not count, and tests may be as long as they are", () => {
    const text = `function long() {\n${body(most)}\n  // why\n  /**\n   * why\n   */\n\n}`;
    expect(longFunctions(sample({ "src/core/a.ts": text }))).toEqual([]);
    expect(longFunctions(sample({ "src/core/a.test.ts": `function long() {\n${body(200)}}` }))).toEqual([]);
  });

  test("the list of those that are still long only shrinks", () => {
    const text = `function long() {\n${body(100)}}\nfunction short() {}`;
    const files = sample({ "src/core/a.ts": text });
    expect(longFunctions(files, ["src/core/a.ts long"])).toEqual([]);
    expect(longFunctions(files, ["src/core/a.ts long", "src/core/a.ts short"])).toHaveLength(1);
    expect(STILL_LONG.length).toBeLessThanOrEqual(31);
  });
});

describe("the files", () => {
  test("none is too long to see at once", () => {
    expect(tooLong(tree)).toEqual([]);
  });

  test.each(["src/core/a.ts", "test/a.test.ts", "scripts/a.mjs", "bench/a.c"])(
    "%s is seen when it grows too long",
    path => {
      expect(tooLong(sample({ [path]: "x\n".repeat(MAX_LINES) }))).toEqual([]);
      expect(tooLong(sample({ [path]: "x\n".repeat(MAX_LINES + 1) }))).toHaveLength(1);
    },
  );

  test("lockfiles name no registry", () => {
    expect(pinnedRegistries(tree)).toEqual([]);
  });

  test("a registry in a lockfile is seen", () => {
    const lock = (resolved?: string) => JSON.stringify({ packages: { "": {}, "node_modules/zod": { resolved } } });
    expect(
      pinnedRegistries(sample({ "test/peers/package-lock.json": lock("https://npm.example/zod.tgz") })),
    ).toHaveLength(1);
    expect(pinnedRegistries(sample({ "package-lock.json": lock() }))).toEqual([]);
  });

  test("lockfiles know the packages of every platform", () => {
    expect(missingOptionals(tree)).toEqual([]);
  });

  test("an optional package that a lockfile lacks is seen", () => {
    const tool = { optionalDependencies: { "@tool/linux": "1.0.0", "@tool/darwin": "1.0.0" } };
    const packages = { "": {}, "node_modules/tool": tool, "node_modules/@tool/linux": {} };
    const complaints = missingOptionals(sample({ "package-lock.json": JSON.stringify({ packages }) }));
    expect(complaints).toEqual([expect.stringContaining("@tool/darwin")]);
  });

  test("nothing names a path of one machine", () => {
    expect(machinePaths(tree, process.cwd())).toEqual([]);
  });

  test.each([
    ["home", "ada", "x"],
    ["Users", "ada", "x"],
    ["root", "x"],
    ["opt", "checkout", "x"],
  ])("a path under /%s is seen", (...parts) => {
    const seen = (line: string) => machinePaths(sample({ "docs/a.md": line }), "/opt/checkout");
    expect(seen(`see \`/${parts.join("/")}\``)).toHaveLength(1);
    expect(seen(`see https://host/page/${parts.slice(1).join("/")} and /home/me/x`)).toEqual([]);
  });
});
