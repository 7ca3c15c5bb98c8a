import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../fixtures/build.ts";

/** Text, text repeated so many times (`{{i}}` counts), or bytes in hexadecimal. */
export type Part = string | readonly [string, number] | { readonly hex: string };

/** One line of a corpus file. */
export interface Item {
  readonly name: string;
  readonly parts: readonly Part[];
  /** Of the HTTP request that carries it, where that is not the usual. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export const CORPORA = ["http", "requests", "messages", "replies", "events"] as const;
export type Corpus = (typeof CORPORA)[number];

/** The seeds of a kind, in the order of the file; what once broke something is among them. */
export function seedsOf(corpus: Corpus): Seed[] {
  const lines = readFileSync(join(ROOT, "fuzz/corpus", `${corpus}.jsonl`), "utf8").split("\n");
  return lines
    .filter(line => line !== "")
    .map(line => {
      const { name, parts, headers = {} } = JSON.parse(line) as Item;
      return { name, bytes: Buffer.concat(parts.map(bytesOf)), headers };
    });
}

const bytesOf = (part: Part): Buffer => {
  if (typeof part === "string") return Buffer.from(part);
  if ("hex" in part) return Buffer.from(part.hex, "hex");
  const [text, times] = part;
  if (!text.includes("{{i}}")) return Buffer.from(text.repeat(times));
  return Buffer.from(Array.from({ length: times }, (_, at) => text.replace("{{i}}", String(at))).join(""));
};

/** Puts a value in place of `{{name}}`, byte for byte. */
export function fill(bytes: Buffer, name: string, value: string): Buffer {
  const mark = `{{${name}}}`;
  if (!bytes.includes(mark)) return bytes;
  return Buffer.from(
    bytes.toString("latin1").replaceAll(mark, () => Buffer.from(value).toString("latin1")),
    "latin1",
  );
}
