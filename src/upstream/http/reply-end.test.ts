import { describe, expect, it } from "vitest";
import { ReplyParser } from "./reply-parser.ts";

interface Told {
  /** In the order in which it was told: `head 200`, `data`, `end`, `bad NOT_HTTP`. */
  readonly events: string[];
  body: string;
  reusable: boolean | undefined;
  keepAliveMs: number | undefined;
}

/** What is told of these pieces, and of the end of the connection when `ends`. Stops reading at the event `stopAt`. */
function told(pieces: readonly string[], { ends = false, stopAt = "" } = {}): Told {
  const all: Told = { events: [], body: "", reusable: undefined, keepAliveMs: undefined };
  const tell = (event: string): void => {
    all.events.push(event);
    if (event === stopAt) parser.stop();
  };
  const parser = new ReplyParser({
    head: ({ status }) => tell(`head ${status}`),
    data: chunk => {
      all.body += chunk.toString("latin1");
      tell("data");
    },
    end: (reusable, keepAliveMs) => {
      Object.assign(all, { reusable, keepAliveMs });
      tell("end");
    },
    bad: code => tell(`bad ${code}`),
  });
  parser.expect();
  for (const piece of pieces) parser.push(Buffer.from(piece, "latin1"));
  if (ends) parser.finish();
  return all;
}

const OK = "HTTP/1.1 200 OK\r\n";
const WHOLE = `${OK}Content-Length: 0\r\n\r\n`;
const reply = (headers: string, body = ""): string => `${OK}${headers}\r\n\r\n${body}`;
const chunked = (body: string): string => reply("Transfer-Encoding: chunked", body);
const KIB = 1024;

describe("a reply in one piece, with or without the end of its connection,", () => {
  it.each<[string, string, string]>([
    ["of more than nine bytes", reply("Content-Length: 12", "hello, world"), "hello, world"],
    [
      "whose body is larger than any head",
      reply(`Content-Length: ${100 * KIB}`, "x".repeat(100 * KIB)),
      "x".repeat(100 * KIB),
    ],
    [
      "in long chunks",
      chunked(`3E8\r\n${"x".repeat(1000)}\r\n3e8 \r\n${"y".repeat(1000)}\r\n00\r\n\r\n`),
      "x".repeat(1000) + "y".repeat(1000),
    ],
    [
      "whose chunks say more of themselves",
      chunked(`1;${"a".repeat(254)}\r\nx\r\n1\t ;b="c"\r\ny\r\n0;d\r\n\r\n`),
      "xy",
    ],
    ["without a reason or a blank for it", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "x"],
    ["whose trailers fill what a head may", chunked(`0\r\n${`A: ${"b".repeat(32 * KIB - 3)}\r\n`.repeat(2)}\r\n`), ""],
  ])("%s ends where it says", (_, text, body) => {
    for (const ends of [false, true]) {
      expect(told([text], { ends })).toMatchObject({ body, reusable: true });
      expect(told([text], { ends }).events.filter(event => event !== "data")).toEqual(["head 200", "end"]);
    }
  });

  it.each(["204 No Content", "304 Not Modified"])("%s has no body, whatever length it tells", status => {
    for (const headers of ["", "Content-Length: 5\r\n"]) {
      const { events, reusable } = told([`HTTP/1.1 ${status}\r\n${headers}\r\n`]);
      expect([...events, reusable]).toEqual([`head ${status.slice(0, 3)}`, "end", true]);
    }
  });

  it("after interim ones ends where it says, as long as all heads together are not too large", () => {
    const interim = `HTTP/1.1 103 x\r\nA: ${"b".repeat(30 * KIB)}\r\n\r\n`;
    expect(told([`${interim}${reply(`A: ${"b".repeat(30 * KIB)}\r\nContent-Length: 1`, "x")}`]).body).toBe("x");
  });
});

describe("the head of a reply", () => {
  /** A chunked one whose head has that many bytes before its blank line. */
  const sized = (bytes: number): string => {
    const head = `${OK}Transfer-Encoding: chunked\r\nA: `;
    return `${head}${"b".repeat(bytes - head.length)}\r\n\r\n`;
  };
  it("may have 64 KiB and no byte more", () => {
    const most = told([sized(64 * KIB), "1\r\nx\r\n0\r\n\r\n"]);
    expect([...most.events, most.body]).toEqual(["head 200", "data", "end", "x"]);
    expect(told([sized(64 * KIB + 1)]).events).toEqual(["bad HEADERS_TOO_LARGE"]);
  });

  it.each([
    "\r\n\r\n",
    `\r\n\r\n${WHOLE}`,
    `HTTP/1.x${WHOLE}`,
    `HTTP/1.1 200 OK\r\nA B: c\r\n\r\n`,
    "HTTP/1.1 0200\r\n\r\n",
  ])("is none that begins otherwise: %j", text => {
    expect(told([text]).events).toEqual(["bad NOT_HTTP"]);
  });

  it.each([
    "Content-Length: 1\r\nContent-Length: 1",
    "Content-Length: 1, 1",
    "Content-Length: -1",
    "Content-Length: 0x1",
    "Content-Length: 1e1",
    "Content-Length: ",
    `Content-Length: ${"0".repeat(16)}`,
    "Content-Length: 1\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: ",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
  ])("that leaves a doubt where its body ends is refused, and so is what comes after it: %j", headers => {
    expect(told([`${OK}${headers}\r\n\r\n${WHOLE}`]).events).toEqual(["bad NOT_HTTP"]);
    expect(told([`${OK}${headers}\r\n\r\n`, WHOLE], { ends: true }).events).toEqual(["bad NOT_HTTP"]);
  });

  it.each(["100", "103"])("of an interim reply (%s) tells of no body", status => {
    for (const header of ["Content-Length: 0", "Content-Length: 3", "Transfer-Encoding: chunked"]) {
      expect(told([`HTTP/1.1 ${status} x\r\n${header}\r\n\r\n${WHOLE}`]).events).toEqual(["bad NOT_HTTP"]);
    }
  });
});

describe("a chunk", () => {
  it.each([
    ...["g\r\n\r\n", "\r\n", "\r\n\r\n", "-1\r\n\r\n", " 1\r\nx\r\n", "1 x\r\nx\r\n0\r\n\r\n", "1zz\r\nx\r\n0\r\n\r\n"],
    ...["000000001\r\nx\r\n0\r\n\r\n", "1;\0\r\nx\r\n", `1;${"a".repeat(255)}\r\nx\r\n0\r\n\r\n`, "1_0\r\n"],
  ])("has no size such as %.40j", body => {
    for (const pieces of [[chunked(body)], [chunked(""), body]]) {
      expect(told(pieces).events).toEqual(["head 200", "bad NOT_HTTP"]);
    }
  });

  it.each(["\n", "x", "\rx", "\r\r", "0\r\n\r\n"])("is not ended by %j, which is noticed at once", end => {
    expect(told([chunked(`1\r\nx${end}`)]).events).toEqual(["head 200", "data", "bad NOT_HTTP"]);
    expect(told([chunked("1\r\nx"), end]).events).toEqual(["head 200", "data", "bad NOT_HTTP"]);
  });

  it("has no bare line feed for a size, however the bytes arrive", () => {
    expect(told([chunked(""), "\n"]).events).toEqual(["head 200", "bad NOT_HTTP"]);
    expect(told([chunked("1\r\nx\r\n"), "\n"]).events).toEqual(["head 200", "data", "bad NOT_HTTP"]);
  });
});

describe("what comes after the last chunk", () => {
  it.each(["no colon\r\n\r\n", ": x\r\n\r\n", "A: \0\r\n\r\n", " A: b\r\n\r\n"])(
    "is refused when it is no header: %j",
    trailers => {
      expect(told([chunked(`0\r\n${trailers}`)]).events).toEqual(["head 200", "bad NOT_HTTP"]);
    },
  );

  it("is refused when it is more than a head may have, also in one line that does not end", () => {
    const large = ["head 200", "bad HEADERS_TOO_LARGE"];
    expect(told([chunked("0\r\n"), "A".repeat(64 * KIB + 1)]).events).toEqual(large);
    expect(told([chunked(`0\r\n${`A: ${"b".repeat(40 * KIB)}\r\n`.repeat(2)}\r\n`)]).events).toEqual(large);
    expect(told([chunked(`0\r\nA: ${"b".repeat(64 * KIB - 2)}\r\n\r\n`)]).events).toEqual(large);
  });
});

describe("the end of a connection", () => {
  it("says nothing of a reply that has ended, was refused, or is not wanted any more", () => {
    expect(told([WHOLE], { ends: true }).events).toEqual(["head 200", "end"]);
    expect(told([reply("Content-Length: 0\r\nConnection: close")], { ends: true }).events).toEqual(["head 200", "end"]);
    expect(told(["SSH-2.0"], { ends: true }).events).toEqual(["bad NOT_HTTP"]);
    expect(told([reply("a: b")], { ends: true, stopAt: "head 200" }).events).toEqual(["head 200"]);
  });

  it.each([
    ["a length", reply("Content-Length: 1", "x")],
    ["a length of nothing", WHOLE],
    ["chunks", chunked("1\r\nx\r\n0\r\n\r\n")],
    ["no length", reply("a: b", "x")],
  ])("and whatever else comes is nothing to a reader that has stopped, with %s", (_, text) => {
    expect(told([text, WHOLE], { ends: true, stopAt: "head 200" }).events).toEqual(["head 200"]);
    if (text === WHOLE) return;
    expect(told([text, WHOLE], { ends: true, stopAt: "data" }).events).toEqual(["head 200", "data"]);
  });
});

describe("a connection", () => {
  it.each(["keep-alive", "", "x-close", "close-x", "closed"])("that is said to be %j is used again", value => {
    expect(told([reply(`Content-Length: 0\r\nConnection: ${value}`)]).reusable).toBe(true);
  });
  it.each(["close", "keep-alive, Close", "close , x", "a\r\nConnection: close"])(
    "that is said to be %j is not",
    value => {
      expect(told([reply(`Content-Length: 0\r\nConnection: ${value}`)]).reusable).toBe(false);
    },
  );

  it.each([
    ["timeout=5", 5_000],
    ["timeout=100", 100_000],
    ["max=9, timeout=5", 5_000],
    ["TIMEOUT=5 ; max=9", 5_000],
  ])("that is said to be kept for %j is kept for %i ms", (value, keepAliveMs) => {
    expect(told([reply(`Content-Length: 0\r\nKeep-Alive: ${value}`)]).keepAliveMs).toBe(keepAliveMs);
  });

  const unclear = ["max=9", "xtimeout=5", "timeout=5x", "timeout=", "timeout=1234567", "timeout=-5"];
  it.each([...unclear, "timeout=5\r\nKeep-Alive: timeout=6"])("is kept for no certain time by %j", value => {
    expect(told([reply(`Content-Length: 0\r\nKeep-Alive: ${value}`)]).keepAliveMs).toBeUndefined();
  });

  it("of which nothing is said is used again, and kept for no certain time", () => {
    expect(told([WHOLE])).toMatchObject({ reusable: true, keepAliveMs: undefined });
  });
});
