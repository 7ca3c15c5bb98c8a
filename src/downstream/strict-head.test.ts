import { describe, expect, test } from "vitest";
import { MAX_BODY_BYTES } from "./body.ts";
import { type HeadReading, type StrictHead, StrictHeads } from "./strict-head.ts";

const LINES = ["POST /mcp?a=%20b HTTP/1.1", "Host: 127.0.0.1:3000", "Mcp-Name: \t a b \t", "Content-Length: 17"];
const text = (lines: readonly string[] = LINES): string => `${lines.join("\r\n")}\r\n\r\n`;
const bytes = (chars: string): Buffer => Buffer.from(chars, "latin1");
const read = (chars: string): HeadReading => new StrictHeads().read(bytes(chars), 0);

function headOf(reading: HeadReading): StrictHead & { end: number } {
  if (reading.kind !== "head") throw new Error(`no head but ${reading.kind}`);
  return { ...reading.head, end: reading.end };
}

test("a plain head is read as it stands", () => {
  expect(headOf(read(`${text()}{"id":1}`))).toMatchObject({
    url: "/mcp?a=%20b",
    headers: { host: "127.0.0.1:3000", "mcp-name": "a b", "content-length": "17" },
    rawHeaders: ["Host", "127.0.0.1:3000", "Mcp-Name", "a b", "Content-Length", "17"],
    bodyBytes: 17,
    end: text().length,
  });
});

test("a head may be as long as 8 KiB, and have 100 headers", () => {
  const filled = (bytes: number): string => text([...LINES, `X: ${"y".repeat(bytes - text().length - 1)}`]);
  const longest = filled(8 * 1024);
  expect(longest.length).toBe(8 * 1024 + 4);
  expect(read(longest).kind).toBe("head");
  expect(read(filled(8 * 1024 + 1)).kind).toBe("other");
  expect(read(longest.slice(0, 8 * 1024)).kind).toBe("more");
  expect(read(filled(9_000).slice(0, 8 * 1024 + 1)).kind).toBe("other");
  const many = (count: number): string =>
    text([...LINES, ...Array.from({ length: count - 3 }, (_, at) => `x${at}: y`)]);
  expect(read(many(100)).kind).toBe("head");
  expect(read(many(101)).kind).toBe("other");
});

test.each([...["Content-Length: 0", `Content-Length: ${MAX_BODY_BYTES}`, "content-length:17", "CONTENT-LENGTH: 17"]])(
  "the length %s is plain",
  line => {
    expect(headOf(read(text(LINES.with(3, line)))).bodyBytes).toBe(Number(/\d+/.exec(line)));
  },
);

test.each([
  ...["Content-Length:", "Content-Length: 017", "Content-Length: 00", "Content-Length: +1", "Content-Length: -1"],
  ...["Content-Length: 1.0", "Content-Length: 0x1", "Content-Length: 1 ", "Content-Length:  1", "Content-Length:\t1"],
  ...[
    "Content-Length: 1, 1",
    "Content-Length: 1e1",
    `Content-Length: ${MAX_BODY_BYTES + 1}`,
    "Content-Length: 9999999999",
  ],
])("the length %s is not", line => {
  expect(read(text(LINES.with(3, line))).kind).toBe("other");
});

describe("other than plain is", () => {
  test.each<[string, string]>([
    ["another method", "GET /mcp HTTP/1.1"],
    ["a method in small letters", "post /mcp HTTP/1.1"],
    ["a longer method", "XPOST /mcp HTTP/1.1"],
    ["HTTP/1.0", "POST /mcp HTTP/1.0"],
    ["more behind the version", "POST /mcp HTTP/1.11"],
    ["a whole address", "POST http://x/mcp HTTP/1.1"],
    ["an address with a blank", "POST /m cp HTTP/1.1"],
    ["an address with a fragment", "POST /mcp#x HTTP/1.1"],
    ["an address with an umlaut", "POST /m\xe4 HTTP/1.1"],
    ["two blanks", "POST  /mcp HTTP/1.1"],
  ])("%s", (_what, line) => {
    expect(read(text(LINES.with(0, line))).kind).toBe("other");
  });

  test.each([
    ...["transfer-encoding: chunked", "Trailer: x", "TE: trailers", "Upgrade: h2c", "HTTP2-Settings: x"],
    ...["Expect: 100-continue", "Proxy-Connection: keep-alive", "Content-Encoding: identity", "__proto__: x"],
    ...["Connection: close", "Connection: keep-alive, x", "Connection: x-keep-alive", "connection:", "Host: y"],
    ...["content-length: 17", "MCP-NAME: a b", "constructor: x", "x", ": y", "x : y", " x: y", "\tx: y", "x(: y"],
    ...["x: a\0b", "x: a\x1fb", "x: a\x7fb", "x: a\xe4b", "x: a\rb", "x: a\nb", "x: \n", "x: a\r"],
  ])("a head with %j", line => {
    expect(read(text([...LINES, line])).kind).toBe("other");
    expect(read(text(LINES.toSpliced(1, 0, line))).kind).toBe("other");
  });

  test("a head without a length, without a host, or with an empty one", () => {
    expect(read(text(LINES.toSpliced(3, 1))).kind).toBe("other");
    expect(read(text(LINES.toSpliced(1, 1))).kind).toBe("other");
    expect(read(text(LINES.with(1, "Host: "))).kind).toBe("other");
  });

  test("an empty line before it", () => {
    expect(read(`\r\n${text()}`).kind).toBe("other");
  });
});

test.each(["Connection: keep-alive", "Connection: Keep-Alive", "x:", "!#$%&'*+-.^_`|~9: \x21\x7e", "x: a\tb"])(
  "plain is a head with %j",
  line => {
    expect(read(text([...LINES, line])).kind).toBe("head");
  },
);

test("more is wanted of whatever may become a plain head", () => {
  const whole = text([...LINES, "!#$%&'*+-.^_`|~9: \x21\x7e\t x"]);
  for (let end = 0; end < whole.length; end++) expect([end, read(whole.slice(0, end)).kind]).toEqual([end, "more"]);
});

test.each([
  ...[
    "G",
    "PO ",
    "POST x",
    "POST  ",
    "POST /mcp H ",
    "POST /mcp HTTP/2",
    "POST /mcp HTTP/1.1\n",
    "POST /mcp HTTP/1.1 ",
  ],
  ...["POST /mcp HTTP/1.1\rx", "\r", "\r\nP", "POST /\0", "POST /mcp HTTP/1.0\r\n", "POST /mcp HTTP/1.1\r\nx\r\n"],
  ...[
    "POST /mcp HTTP/1.1\r\nx y",
    "POST /mcp HTTP/1.1\r\n x",
    "POST /mcp HTTP/1.1\r\nx: \0",
    "POST /mcp HTTP/1.1\r\nx: \r ",
  ],
  ...[
    "POST /mcp HTTP/1.1\r\nx: a\n",
    "POST /mcp HTTP/1.1\r\nx\r",
    "POST /mcp HTTP/1.1\r\nx: \xe4",
    "POST /mcp HTTP/1.1\r\n\rx",
  ],
  ...[
    "Content-Length: x",
    "Content-Length:  ",
    "Content-Length: 1 ",
    "Content-Length: 01\r\n",
    "Connection: x\r\n",
  ].map(line => `POST /mcp HTTP/1.1\r\n${line}`),
  "POST /mcp HTTP/1.1\r\nx: y\r\nX: y\r\n",
  "POST /mcp HTTP/1.1\r\nx: y\r\nX:",
  "POST /mcp HTTP/1.1\r\nTransfer-Encoding:",
])("nothing more is waited for behind %j", beginning => {
  expect(read(beginning).kind).toBe("other");
});

describe("a head that comes again on its connection", () => {
  const heads = (...all: string[]): StrictHead[] => {
    const together = bytes(all.join(""));
    const reader = new StrictHeads();
    const found: StrictHead[] = [];
    for (let at = 0; at < together.length; ) {
      const { end, ...head } = headOf(reader.read(together, at));
      found.push(head);
      at = end;
    }
    return found;
  };

  test("is the same one, with what was found out about it", () => {
    const [first, second] = heads(text(), text());
    expect(second?.headers).toBe(first?.headers);
    expect(second?.memo).toBe(first?.memo);
  });

  test("with another length differs in that alone, and changes nothing in the one before", () => {
    const last = LINES.toSpliced(3, 1, "Content-Length: 17", "X: y");
    const [first, second, third, fourth] = heads(
      ...[text(last), text(last.with(3, "Content-Length: 123")), text(last.with(3, "Content-Length: 5")), text(last)],
    );
    expect([first, second, third, fourth].map(head => head?.bodyBytes)).toEqual([17, 123, 5, 17]);
    expect([first, second, third].map(head => head?.headers["content-length"])).toEqual(["17", "123", "5"]);
    expect(second?.rawHeaders).toEqual([
      "Host",
      "127.0.0.1:3000",
      "Mcp-Name",
      "a b",
      "Content-Length",
      "123",
      "X",
      "y",
    ]);
    expect(second?.headers).toMatchObject({ host: "127.0.0.1:3000", "mcp-name": "a b", x: "y" });
    expect(third?.memo).toBe(first?.memo);
  });

  test.each<[string, readonly string[]]>([
    ["another name", LINES.with(2, "Mcp-Name: b")],
    ["another host", LINES.with(1, "Host: 127.0.0.1:3001")],
    ["another address", LINES.with(0, "POST /mcp HTTP/1.1")],
    ["one header more", [...LINES, "X: y"]],
    ["a header of the same length behind the length", [...LINES, "Y: y"]],
  ])("with %s is another one", (_what, lines) => {
    const [, first, second] = heads(text([...LINES, "X: y"]), text(), text(lines));
    expect(second?.memo).not.toBe(first?.memo);
    expect(second).toEqual({ ...headOf(read(text(lines))), end: undefined, memo: second?.memo });
  });

  test.each(["017", "", "+1", "1 ", String(MAX_BODY_BYTES + 1), "1\r\nx"])("and has the length %j is none", length => {
    const reader = new StrictHeads();
    reader.read(bytes(text()), 0);
    expect(reader.read(bytes(text(LINES.with(3, `Content-Length: ${length}`))), 0).kind).toBe("other");
  });

  test("is waited for as the first one was", () => {
    const reader = new StrictHeads();
    reader.read(bytes(text()), 0);
    for (let end = 0; end < text().length; end++) expect(reader.read(bytes(text().slice(0, end)), 0).kind).toBe("more");
  });
});
