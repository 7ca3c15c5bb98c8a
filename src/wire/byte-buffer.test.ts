import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteBuffer } from "./byte-buffer.ts";

const MB = 1024 * 1024;

describe("bytes that come in pieces", () => {
  it("are put together whatever is announced of them", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 8 }),
        fc.nat(40_000),
        (pieces, announced) => {
          const body = new ByteBuffer(MB, announced);
          for (const piece of pieces) body.append(Buffer.from(piece));
          const whole = Buffer.concat(pieces);
          expect(body.length).toBe(whole.length);
          expect(body.peek().equals(whole)).toBe(true);
          expect(body.take().equals(whole)).toBe(true);
          expect(body.length).toBe(0);
        },
      ),
    );
  });

  it("may be overwritten as soon as they are taken", () => {
    const body = new ByteBuffer(MB);
    const lent = Buffer.from("first");
    body.append(lent);
    lent.fill(0);
    lent.write("other");
    body.append(lent);
    lent.fill(0);
    expect(body.take().toString()).toBe("firstother");
  });

  it("are kept apart from what comes after them", () => {
    const body = new ByteBuffer(MB, 5);
    body.append(Buffer.from("first"));
    const first = body.take();
    body.append(Buffer.from("other"));
    expect([first.toString(), body.take().toString()]).toEqual(["first", "other"]);
  });
});

describe("what is announced", () => {
  it("is made room for once, and no more than that", () => {
    const body = new ByteBuffer(64 * MB, MB);
    body.append(Buffer.alloc(64 * 1024));
    const { buffer } = body.peek();
    expect(buffer.byteLength).toBe(MB);
    for (let at = 1; at < 16; at++) body.append(Buffer.alloc(64 * 1024));
    expect(body.peek().buffer).toBe(buffer);
    expect(body.take().length).toBe(MB);
  });

  it("is believed up to two megabytes, and beyond that as far as it has come", () => {
    const body = new ByteBuffer(64 * MB, 64 * MB);
    body.append(Buffer.alloc(1_000));
    expect(body.peek().buffer.byteLength).toBe(2 * MB);
    body.append(Buffer.alloc(2 * MB));
    expect(body.peek().buffer.byteLength).toBe((2 * MB + 1_000) * 16);
  });

  it("may be too little", () => {
    const body = new ByteBuffer(MB, 3);
    body.append(Buffer.from("ab"));
    body.append(Buffer.from("cdef"));
    expect(body.take().toString()).toBe("abcdef");
  });
});

it("what comes at once takes no more than its size", () => {
  const body = new ByteBuffer(64 * MB);
  body.append(Buffer.alloc(100_000));
  expect(body.peek().buffer.byteLength).toBe(100_000);
});
