import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { ERRORS } from "../src/app/errors.ts";
import { EXIT } from "../src/app/exit-codes.ts";
import { CONFIG_CODES } from "../src/config/problem.ts";
import { CODES } from "../src/wire/rpc-errors.ts";

const markdownIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(name => name.endsWith(".md"))
    .map(name => join(folder, name));
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...markdownIn("docs")];
const read = (page: string): string => readFileSync(page, "utf8");

describe.each(pages)("%s", page => {
  test("links to places that exist", () => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)].map(match => String(match[1]));
    expect(links.filter(link => !existsSync(join(dirname(page), link)))).toEqual([]);
  });

  test("names files that exist", () => {
    const paths = [...read(page).matchAll(/`((?:src|test|bench|scripts|docs)\/[\w./-]+)`/g)].map(match =>
      String(match[1]),
    );
    const generated = new Set(["bench/results/last.json"]);
    expect(paths.filter(path => !existsSync(path) && !generated.has(path))).toEqual([]);
  });
});

test("every code of an error is explained", () => {
  const explained = read("docs/errors.md");
  const rows = [
    ...Object.values(ERRORS).map(({ code, exit }) => `| ${code} | ${exit} |`),
    ...Object.entries(CONFIG_CODES).map(([code, { level, title }]) => `| ${code} | ${level} | ${title} |`),
    ...Object.values(CODES).map(code => `| ${code} |`),
  ];
  expect(rows.filter(row => !explained.includes(row))).toEqual([]);
});

test("the README knows every exit code", () => {
  const sentence = /Exit codes: ([^.]*)\./.exec(read("README.md").replaceAll("\n", " "))?.[1] ?? "";
  expect(sentence.split(", ").map(part => Number.parseInt(part, 10))).toEqual(Object.values(EXIT));
});
