import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReplyParser } from "./reply-parser.ts";

interface Read {
  readonly heads: { status: number; headers: object }[];
  body: string;
  end: { reusable: boolean; keepAliveMs: number | undefined } | undefined;
  bad: string | undefined;
}

/** What comes of these pieces, one after the other, and of the end of the connection after them. */
function read(pieces: readonly (string | Buffer)[], ends = false): Read {
  const got: Read = { heads: [], body: "", end: undefined, bad: undefined };
  const parser = new ReplyParser({
    head: head => got.heads.push(head),
    data: chunk => {
      got.body += chunk.toString("latin1");
    },
    end: (reusable, keepAliveMs) => {
      got.end = { reusable, keepAliveMs };
    },
    bad: code => {
      got.bad = code;
    },
  });
  parser.expect();
  for (const piece of pieces) parser.push(Buffer.from(piece as string, "latin1"));
  if (ends) parser.finish();
  return got;
}
const OK = "HTTP/1.1 200 OK\r\n";
const reply = (headers: string, body = ""): string => `${OK}${headers}\r\n\r\n${body}`;

describe("a reply", () => {
  it.each<[string, string, string, boolean]>([
    ["of a known length", reply("Content-Length: 5", "hello"), "hello", true],
    ["of no length", reply("Content-Length: 0"), "", true],
    ["in chunks", reply("Transfer-Encoding: chunked", "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"), "hello", true],
    ["with trailers", reply("transfer-encoding: chunked", "1\r\nx\r\n0\r\nA: b\r\n\r\n"), "x", true],
    ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", "", true],
    ["without a reason", "HTTP/1.1 204 \r\nContent-Type: x\r\n\r\n", "", true],
    ["that closes", reply("Content-Length: 1\r\nConnection: Close", "x"), "x", false],
    ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", false],
    [
      "after interim ones",
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\n${reply("content-length: 1", "x")}`,
      "x",
      true,
    ],
  ])("%s is read the same in any pieces", (_, text, body, reusable) => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), cuts => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((end, place) => text.slice(at[place], end));
        const got = read(pieces);
        expect(got.body).toBe(body);
        expect(got.heads).toHaveLength(1);
        expect(got.bad).toBeUndefined();
        expect(got.end?.reusable).toBe(reusable);
      }),
      { numRuns: 60 },
    );
  });

  it("has its header names in lower case and repeated ones as a list", () => {
    const [head] = read([reply("Set-Cookie: a\r\nX-Y:  b \r\nset-cookie: c\r\nContent-Length: 0")]).heads;
    expect(head).toEqual({ status: 200, bytes: 0, headers: { "set-cookie": ["a", "c"], "x-y": "b" } });
  });

  it("says how long its connection may be kept", () => {
    expect(read([reply("Content-Length: 0\r\nKeep-Alive: timeout=5, max=9")]).end?.keepAliveMs).toBe(5_000);
  });

  it("with more behind it is taken, but its connection is not used again", () => {
    const whole = reply("Content-Length: 1", "x");
    expect(read([`${whole}HTTP/1.1 200 OK\r\n`])).toMatchObject({ body: "x", end: { reusable: false } });
    expect(read([whole, "HTTP/1.1 200 OK\r\n"])).toMatchObject({ body: "x", end: { reusable: true }, bad: "NOT_HTTP" });
  });

  it("without a length ends with its connection, which is not used again", () => {
    expect(read([reply("a: b", "hel"), "lo"]).end).toBeUndefined();
    expect(read([reply("a: b", "hel"), "lo"], true)).toMatchObject({ body: "hello", end: { reusable: false } });
  });
});

describe("what servers of all kinds send", () => {
  it("may be a header that goes on in the next line", () => {
    const [head] = read([reply("A: b \r\n\t c\r\n d\r\nContent-Length: 0")]).heads;
    expect(head?.headers).toEqual({ a: "b c d" });
  });

  it("may be chunks in HTTP/1.0, whose connection is not used again", () => {
    const text = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    expect(read([text])).toMatchObject({ body: "x", end: { reusable: false } });
  });

  it("may be headers of 60 KB, header values in Latin-1 and statuses that nobody has defined", () => {
    const a = "b".repeat(60_000);
    const got = read([`HTTP/1.1 799 x\r\nA: ${a}\r\nC: \xe4\r\nContent-Length: 0\r\n\r\n`]);
    expect(got.heads[0]).toEqual({ status: 799, bytes: 0, headers: { a, c: "\xe4" } });
  });

  it("may be TLS, which says that nobody speaks HTTP there", () => {
    expect(read(["\x15\x03\x01\x00\x02\x02\x16"]).bad).toBe("TLS_THERE");
  });
});

describe("what is not exactly HTTP/1.1", () => {
  it.each<[string, string]>([
    ["another protocol", "SSH-2.0"],
    ["another version", "HTTP/2 200\r\n\r\n"],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
    ["bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\r\n\r\n"],
    ["bare line feeds to its end", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
    ["a bare line feed after its first line", "HTTP/1.1 200 OK\n"],
    ["a bare line feed after a header", "HTTP/1.1 200 OK\r\nA: b\n"],
    ["a bare line feed after a chunk's size", reply("Transfer-Encoding: chunked", "1\n")],
    ["a bare line feed after a chunk", reply("Transfer-Encoding: chunked", "1\r\nx\n")],
    ["a bare line feed after the last chunk", reply("Transfer-Encoding: chunked", "0\r\nA: b\n")],
    ["a folded header before any other", reply(" c\r\nContent-Length: 0")],
    ["a folded length", reply("Content-Length: 1\r\n 2", "x")],
    ["a blank before the colon", reply("Content-Length : 0")],
    ["a header without a name", reply(": x\r\nContent-Length: 0")],
    ["a NUL in a value", reply("A: b\0\r\nContent-Length: 0")],
    ["two lengths", reply("Content-Length: 1\r\nContent-Length: 1", "x")],
    ["two lengths in one", reply("Content-Length: 1, 1", "x")],
    ["a signed length", reply("Content-Length: +1", "x")],
    ["a length beside an encoding", reply("Content-Length: 1\r\nTransfer-Encoding: chunked", "0\r\n\r\n")],
    ["an unknown encoding", reply("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
    ["two encodings", reply("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n")],
    ["a chunk size with a prefix", reply("Transfer-Encoding: chunked", "0x1\r\nx\r\n0\r\n\r\n")],
    ["an endless chunk size", reply("Transfer-Encoding: chunked", `${"0".repeat(300)}1`)],
    ["a chunk that is longer than it says", reply("Transfer-Encoding: chunked", "1\r\nxy\r\n0\r\n\r\n")],
    ["a switch of protocols", "HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n"],
    ["a prototype for a header", reply("__proto__: x\r\nContent-Length: 0")],
  ])("is refused: %s", (_, text) => {
    expect(read([text]).bad).toBe("NOT_HTTP");
    expect(read([...text]).bad).toBe("NOT_HTTP");
  });

  it("is refused when its head or its trailers have no end", () => {
    const long = `A: ${"b".repeat(70_000)}\r\n`;
    expect(read([OK, long]).bad).toBe("HEADERS_TOO_LARGE");
    const interim = `HTTP/1.1 103 x\r\nA: ${"b".repeat(40_000)}\r\n\r\n`;
    expect(read([interim, interim]).bad).toBe("HEADERS_TOO_LARGE");
    expect(read([reply("Transfer-Encoding: chunked", "0\r\n"), long]).bad).toBe("HEADERS_TOO_LARGE");
  });

  it.each([
    ["before anything", "", "CLOSED_EARLY"],
    ["in the head", "HTTP/1.1 2", "CUT_SHORT"],
    ["in the body", reply("Content-Length: 9", "x"), "CUT_SHORT"],
    ["in a chunk", reply("Transfer-Encoding: chunked", "9\r\nx"), "CUT_SHORT"],
    ["before the last chunk", reply("Transfer-Encoding: chunked", "1\r\nx\r\n"), "CUT_SHORT"],
  ])("is told from a reply that ends %s", (_, text, code) => {
    expect(read(text === "" ? [] : [text], true).bad).toBe(code);
  });

  it("never crashes the reader, whatever the bytes are", () => {
    const any = fc.array(
      fc.oneof(
        fc.constantFrom(
          OK,
          "Content-Length: 3\r\n",
          "Transfer-Encoding: chunked\r\n",
          "\r\n",
          "0\r\n\r\n",
          "3\r\nabc\r\n",
        ),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(any, pieces => {
        const { end, bad } = read(pieces, true);
        expect(end === undefined || bad === undefined || bad === "NOT_HTTP").toBe(true);
      }),
    );
  });
});
