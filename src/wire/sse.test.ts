import { createParser } from "eventsource-parser";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SSE_COMMENT, type SseEvent, sseEvent, sseParser } from "./sse.ts";

function parse(chunks: readonly Buffer[], maxEventBytes = 1 << 20) {
  const events: SseEvent[] = [];
  /** The data of each event that was too large, as it passed. */
  const passed: string[] = [];
  let ended = 0;
  const push = sseParser({
    maxEventBytes,
    onEvent: event => events.push(event),
    onTooLong() {
      const at = passed.push("") - 1;
      const take = (piece: Buffer): void => {
        passed[at] += piece.toString("latin1");
      };
      return { take, end: () => void ended++ };
    },
  });
  for (const chunk of chunks) push(chunk);
  return { events, tooLong: passed.length, passed, ended };
}

const texts = (events: readonly SseEvent[]) => events.map(event => ({ ...event, data: event.data.toString("utf8") }));
const read = (text: string) => texts(parse([Buffer.from(text)]).events);

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes.length === 0 ? bytes.length : sizes[turn % sizes.length]!;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Text that is dense in everything that matters to the format. */
const stream = fc
  .array(
    fc.constantFrom(
      ..."\n,\r,\r\n,\n\n,data,data:,data: ,data:  x,id,id: 7,id: a\0b,event: ping,event:,retry: 10,retry: x,:,: c,é漢😀,{,x,other: y, , : ".split(
        ",",
      ),
    ),
    { maxLength: 40 },
  )
  .map(parts => Buffer.from(parts.join("")));

/** What is said to be held after each piece. */
function heldAfter(...pieces: string[]): number[] {
  const held: number[] = [];
  const push = sseParser({
    maxEventBytes: 500_000,
    onEvent() {},
    onTooLong: () => undefined,
    onHeld: bytes => held.push(bytes),
  });
  for (const piece of pieces) push(Buffer.from(piece));
  return held;
}

describe("what is held of an event that is not complete", () => {
  const part = "x".repeat(60_000);

  it("is told of large ones, after each piece and at their end", () => {
    expect(heldAfter("data: ", part)).toEqual([]);
    expect(heldAfter(`data: ${part}`, part, "\n", "\n")).toEqual([120_006, 120_000, 0]);
    expect(heldAfter(`data: ${part}\n`, `data: ${part}\n`, "\n")).toEqual([120_001, 0]);
  });

  it("is nothing once the event is too long, or was no event", () => {
    expect(heldAfter(`data: ${part.repeat(8)}`, part).at(-1)).toBe(0);
    expect(heldAfter(`: ${part}${part}`, "\n")).toEqual([120_002, 0]);
  });
});

describe("reading events", () => {
  it("understands names, ids, retry times and several lines of data", () => {
    expect(read("event: ping\nid: 7\nretry: 250\ndata: a\ndata:b\n\n")).toEqual([
      { event: "ping", id: "7", retryMs: 250, data: "a\nb" },
    ]);
  });

  it("ends lines at LF, CR and CRLF alike and skips a byte order mark and comments", () => {
    expect(read("\uFEFFdata: 1\r\rdata: 2\r\n\r\n: hello\ndata: 3\n\n").map(event => event.data)).toEqual([
      "1",
      "2",
      "3",
    ]);
  });

  it.each([1, 7, 1_000, 1 << 20])("joins very many lines of one event, in pieces of %d bytes", size => {
    const lines = Array.from({ length: 5_000 }, (_, at) => (at % 100 === 0 ? "x".repeat(at) : String(at)));
    const block = Buffer.from(`${lines.map(line => `data: ${line}\n`).join("")}\ndata: next\n\n`);
    expect(texts(parse(cut(block, [size])).events)).toEqual([
      { event: "message", data: lines.join("\n") },
      { event: "message", data: "next" },
    ]);
  });

  it("reports a block that only carries an id, with empty data", () => {
    expect(read("id: 1\ndata:\n\nid: 2\n\n")).toEqual([
      { event: "message", id: "1", data: "" },
      { event: "message", id: "2", data: "" },
    ]);
  });

  it("drops an event that the stream did not finish", () => {
    expect(read("data: whole\n\ndata: half\n")).toHaveLength(1);
  });

  it("reads the same events however the bytes are cut", () => {
    void fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }), (bytes, sizes) => {
        expect(texts(parse(cut(bytes, sizes)).events)).toEqual(texts(parse([bytes]).events));
      }),
      { numRuns: 500 },
    );
  });

  it("agrees with the reference parser on every event that has data", () => {
    void fc.assert(
      fc.property(stream, bytes => {
        const expected: { event: string; data: string; id?: string }[] = [];
        const parser = createParser({
          onEvent: ({ event, data, id }) => {
            if (data !== "") expected.push({ event: event || "message", data, ...(id !== undefined && { id }) });
          },
        });
        // The reference waits for what follows a CR; a comment at the end makes both see the same stream.
        const whole = Buffer.concat([bytes, Buffer.from("\n:\n")]);
        parser.feed(whole.toString("utf8"));
        const ours = texts(parse([whole]).events)
          .filter(event => event.data !== "")
          .map(({ retryMs: _, ...event }) => event);
        expect(ours).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  const line = (bytes: number) => Buffer.from(`data: ${"x".repeat(bytes)}\n`);
  const many = Buffer.concat([line(50), line(50), line(50)]);
  it.each<[string, Buffer[]]>([
    ["in one line", [line(150)]],
    ["in a line that comes byte by byte", cut(line(150), [1])],
    ["in many lines", [line(50), line(50), line(50)]],
    ["in many lines that come in pieces", cut(many, [7])],
    ["in a line after a byte order mark", cut(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), line(150)]), [9])],
  ])("lets an event pass that is too large (%s), and goes on with the next", (_, chunks) => {
    const { events, passed, ended } = parse([...chunks, Buffer.from("id: 7\n\ndata: later\n\n")], 100);
    expect({ passed, ended }).toEqual({ passed: ["x".repeat(150)], ended: 1 });
    expect(texts(events)).toEqual([
      { event: "message", data: "", id: "7" },
      { event: "message", data: "later" },
    ]);
  });

  it.each([": ", "other: ", "id: "])("passes over a line beginning with %j that is too long", start => {
    const chunks = cut(Buffer.from(`${start}${"x".repeat(200)}\ndata: later\n\n`), [7]);
    const { events, tooLong } = parse(chunks, 100);
    expect([texts(events), tooLong]).toEqual([[{ event: "message", data: "later" }], 0]);
  });

  it("takes a large event in small chunks in linear time", () => {
    const size = 8 << 20;
    const bytes = Buffer.concat([Buffer.from("data: "), Buffer.alloc(size, 0x78), Buffer.from("\n\n")]);
    const started = process.cpuUsage();
    expect(parse(cut(bytes, [1024]), size + 100).events[0]?.data.length).toBe(size);
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(2000);
  });
});

describe("writing events", () => {
  it("writes what it reads", () => {
    const events = [sseEvent({ data: [Buffer.from('{"a":'), Buffer.from("1}")], event: "x", id: "9" }), SSE_COMMENT];
    expect(read(Buffer.concat([...events, sseEvent({ data: [] })]).toString())).toEqual([
      { event: "x", id: "9", data: '{"a":1}' },
      { event: "message", data: "" },
    ]);
  });
});

it("names an event by the last name that it has, be it the usual one", () => {
  expect(read("event: ping\nevent: message\ndata: a\n\n")).toMatchObject([{ event: "message" }]);
  expect(read("event: message\nevent: ping\ndata: a\n\n")).toMatchObject([{ event: "ping" }]);
  expect(read("event: massage\ndata: a\n\n")).toMatchObject([{ event: "massage" }]);
});
