import { describe, expect, test } from "vitest";
import { legacyAgent } from "../fixtures/agents/http.ts";
import { WORDS } from "../fixtures/canaries/words.ts";
import { configToml, startGateway } from "../fixtures/gateway.ts";
import { useCleanup } from "../fixtures/leaks.ts";
import { startPlainUpstream } from "../fixtures/plain-upstream.ts";
import type { Json } from "../fixtures/upstream/contract.ts";

const keep = useCleanup();

const SECRET = "q7Rk2-vLm9_tXe4Zp1Ws";
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const hex = (text: string): string => Buffer.from(text).toString("hex");
const lines = (text: string, width: number): string => text.replace(new RegExp(`.{${width}}`, "g"), "$&\n");

/** Each the only one in its message, so that no other gives it away. */
const SPELLINGS: Readonly<Record<string, string>> = {
  "Base64 in lines of 64, cut in the middle": lines(base64(`${"x".repeat(40)}${SECRET}${"y".repeat(40)}`), 64),
  "Base64 in lines of 76, cut in the middle": lines(base64(`${"x".repeat(48)}${SECRET}${"y".repeat(40)}`), 76),
  "hexadecimal in lines": lines(hex(`${"x".repeat(22)}${SECRET}`), 64),
  "bytes apart": (hex(SECRET).match(/../g) ?? []).join(" "),
  "Base64 of Base64": base64(JSON.stringify({ auth: base64(`user:${SECRET}`) })),
  "Base64 of UTF-16": Buffer.from(SECRET, "utf16le").toString("base64"),
  "code points in braces": Array.from(SECRET, char => `\\u{${hex(char)}}`).join(""),
  octal: Array.from(SECRET, char => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`).join(""),
};

const callsOf = async (texts: readonly string[], headers: Json) => {
  const upstream = keep(
    await startPlainUpstream({
      tools: ["tell"],
      instead: ({ message, result }) => {
        if (message.method !== "tools/call") return false;
        const { at } = (message.params?.arguments ?? {}) as { at: number };
        result({ content: [{ type: "text", text: texts[at] ?? "" }] });
        return true;
      },
    }),
  );
  const gateway = keep(
    await startGateway({
      toml: configToml([{ name: "teller", transport: "http", url: upstream.url, headers }], {
        security: { rate_limit_per_minute: 0, log_max_bytes: 20_000 },
      }),
    }),
  );
  const agent = keep(await legacyAgent(gateway.url));
  const heard: string[] = [];
  for (const [at] of texts.entries()) {
    heard.push((await agent.request("tools/call", { name: "tell", arguments: { at } })).raw);
  }
  return { gateway, agent, heard };
};

describe("T-41 the spelling of a secret that is known", () => {
  test("does not carry it to an agent", async () => {
    const { heard } = await callsOf(Object.values(SPELLINGS), { authorization: `Bearer ${SECRET}` });
    const names = Object.keys(SPELLINGS);
    expect(names.filter((_, at) => !heard[at]?.includes("[secret]"))).toEqual([]);
  });
});

describe("T-41 a password that is like any word", () => {
  test("is in no line of the log", async () => {
    const texts = WORDS.map(({ text }) => text);
    const { gateway, agent } = await callsOf(texts, {});
    for (const note of texts) await agent.request("tools/call", { name: "tell", arguments: { at: -1, note } });
    await gateway.until(() => gateway.logLines().length >= 2 * texts.length);
    const stayed = gateway
      .allLogLines()
      .map(line => JSON.stringify(line))
      .filter(line => line.includes(WORDS[0]?.secret ?? ""));
    expect(stayed).toEqual([]);
  });
});
