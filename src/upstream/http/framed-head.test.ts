import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHeadReader, type FramedHead } from "./framed-head.ts";

const head = (...lines: string[]): string => ["HTTP/1.1 200 OK", ...lines].join("\r\n");
const plain = (bytes: number | string): string => head("Content-Type: a/b", `Content-Length: ${bytes}`, "Date: today");
const framed = (read: ReturnType<ReturnType<typeof createHeadReader>>): FramedHead => {
  if (read === undefined || read === "interim") throw new Error(`not a head: ${read}`);
  return read;
};
/** What is read of the second head after the first one. */
const readAfter = (first: string, second: string) => {
  const read = createHeadReader();
  read(first);
  return read(second);
};

describe("a head that comes again", () => {
  it("is the same object, since nothing of it is read anew", () => {
    const read = createHeadReader();
    const first = framed(read(plain(5)));
    expect(framed(read(plain(5)))).toBe(first);
    const longer = framed(read(plain(12345)));
    expect(longer.head).toEqual({ ...first.head, bytes: 12345 });
    expect(longer.head.headers).toBe(first.head.headers);
    expect(framed(read(plain(5))).head).toEqual(first.head);
  });

  it("keeps of its connection what it said, whatever came between", () => {
    const read = createHeadReader();
    const kept = head("Content-Length: 1", "Keep-Alive: timeout=7");
    read(kept);
    expect(framed(read(head("Transfer-Encoding: chunked", "Connection: close")))).toMatchObject({
      ...{ body: "chunked", reusable: false, keepAliveMs: undefined },
    });
    expect(framed(read(kept))).toMatchObject({ body: "sized", reusable: true, keepAliveMs: 7_000 });
    expect(framed(read(kept.replace("1\r", "22\r")))).toMatchObject({ reusable: true, keepAliveMs: 7_000 });
  });

  it.each(["HTTP/1.1 204 No", "HTTP/1.1 304 Not"])("has no body where its status says so: %s", status => {
    const first = `${status}\r\nContent-Length: 5`;
    expect(framed(readAfter(first, `${status}\r\nContent-Length: 77`)).head.bytes).toBe(0);
  });

  it.each<[string, string, string]>([
    ["with a length that is none", plain(5), plain("5a")],
    ["with a negative length", plain(5), plain(-5)],
    ["with a sign", plain(5), plain("+5")],
    ["with an empty length", plain(5), plain("")],
    ["with a length of 16 digits", plain(5), plain("1".repeat(16))],
    ["with a second length in its line", plain(5), plain("5, 5")],
    ["with a second line of lengths", plain(5), plain("5\r\nContent-Length: 5")],
    ["with an encoding beside its length", plain(5), plain("5\r\nTransfer-Encoding: chunked")],
    ["with a bare line feed", plain(5), plain("5\nA: b")],
  ])("%s is none", (_, first, second) => expect(readAfter(first, second)).toBeUndefined());

  it("with a length that goes on in the next line is read as what it is", () => {
    const folded = head("Content-Length: 5", " 6");
    expect(readAfter(folded, head("Content-Length: 7", " 6"))).toEqual(
      createHeadReader()(head("Content-Length: 7", " 6")),
    );
  });
});

describe("whatever came before", () => {
  const line = fc.constantFrom(
    ...[
      "Content-Length: 5",
      "content-length:17",
      "CONTENT-LENGTH: \t003 ",
      "Content-Length: 5, 5",
      "Connection: close",
    ],
    ...["Transfer-Encoding: chunked", "Keep-Alive: timeout=5", "Date: Mon", "Set-Cookie: a=b", "X: content-length: 9"],
    ...[" folded", "\tcontent-length: 1", "bad", "Content-Length : 5", "Content-Length: x", ": 5", ""],
  );
  const status = fc.constantFrom(
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 204 No",
    "HTTP/1.1 100 Go",
    "HTTP/2 200",
  );
  const text = fc
    .tuple(status, fc.array(line, { maxLength: 5 }))
    .map(([first, lines]) => [first, ...lines].join("\r\n"));
  const edit = fc.record({
    at: fc.nat(120),
    gone: fc.nat(4),
    put: fc.constantFrom("", "1", "99", " ", "\r\n", "\n", ",", "x"),
  });
  const edited = (whole: string, { at, gone, put }: { at: number; gone: number; put: string }): string =>
    whole.slice(0, at % (whole.length + 1)) + put + whole.slice((at % (whole.length + 1)) + gone);

  it("a head is read as if it were the first one", () => {
    fc.assert(
      fc.property(text, fc.array(fc.oneof(edit, text), { minLength: 1, maxLength: 4 }), (first, others) => {
        const read = createHeadReader();
        read(first);
        let latest = first;
        for (const other of others) {
          latest = typeof other === "string" ? other : edited(latest, other);
          expect(read(latest)).toEqual(createHeadReader()(latest));
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
