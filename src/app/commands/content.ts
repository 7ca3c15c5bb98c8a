import { size } from "../terminal/words.ts";

/** A tool's result as far as it is shown; it comes from outside, so nothing is certain about its members. */
interface ToolResult {
  readonly content?: unknown;
  readonly structuredContent?: unknown;
}
type Item = Readonly<Record<string, unknown>>;

/** The result for a person: text as it is, everything else in one line. Not printable yet. */
export function contentLines(result: ToolResult): string[] {
  const items = Array.isArray(result.content) ? (result.content as unknown[]).map(describe) : [];
  if (items.length > 0) return items;
  return result.structuredContent === undefined
    ? ["(no content)"]
    : [JSON.stringify(result.structuredContent, undefined, 2)];
}

function describe(item: unknown): string {
  if (typeof item !== "object" || item === null) return JSON.stringify(item);
  const { type, text: words } = item as Item;
  const show = typeof type === "string" && Object.hasOwn(SHOWN, type) ? SHOWN[type] : undefined;
  return typeof words === "string" && type === "text"
    ? words
    : (show?.(item as Item) ?? `[${text(type) || "content of an unknown type"}]`);
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const bytesOf = (base64: unknown): string => size(Math.floor((text(base64).length * 3) / 4));

const SHOWN: Readonly<Record<string, (item: Item) => string>> = {
  image: item => `[image, ${text(item.mimeType)}, ${bytesOf(item.data)}]`,
  audio: item => `[audio, ${text(item.mimeType)}, ${bytesOf(item.data)}]`,
  resource_link: item => `[link to ${text(item.uri)} ${text(item.name)}]`,
  resource: item => {
    const { uri, mimeType, text: words, blob } = (item.resource ?? {}) as Item;
    const head = `[resource ${text(uri)} ${text(mimeType)}${typeof blob === "string" ? `, ${bytesOf(blob)}` : ""}]`;
    return typeof words === "string" ? `${head}\n${words}` : head;
  },
};
