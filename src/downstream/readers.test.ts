import { describe, expect, test } from "vitest";
import { nodeAlone, strictFirst, type Understood } from "../../test/fixtures/front/both-readers.ts";
import { fill, seedsOf } from "../../test/fuzz/corpus.ts";
import { mutate } from "../../test/fuzz/mutate.ts";
import { type Draw, SEED, seeded } from "../../test/fuzz/random.ts";

const BODY = '{"a":1}';
const LINES = ["POST /mcp HTTP/1.1", "Host: 127.0.0.1:3000", "Content-Type: application/json", `Content-Length: 7`];
const plain = (lines: readonly string[] = LINES, body = BODY): string => `${lines.join("\r\n")}\r\n\r\n${body}`;
/** A plain request with one line more, or in place of one that begins in the same way. */
const having = (line: string, body = BODY): string => plain([...LINES, line], body);
const instead = (at: number, line: string): string => plain(LINES.with(at, line));
const CHUNKED = '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n';

/** Whatever could be read in two ways, each followed by a request that must not be part of it. */
const INPUTS: Readonly<Record<string, string>> = {
  "a plain request": plain(),
  "two that are the same": plain() + plain(),
  "two of different lengths": plain() + plain(LINES.with(3, "Content-Length: 11"), '{"ab":1234}'),
  "a longer one and a shorter one": plain(LINES.with(3, "Content-Length: 11"), '{"ab":1234}') + plain(),
  "two with different heads": plain() + having("Mcp-Name: x"),
  "one that is the beginning of the other": having("Mcp-Name: x") + plain(),
  "no body": plain(LINES.with(3, "Content-Length: 0"), "") + plain(),
  "a kept connection": having("Connection: keep-alive"),
  "a kept connection in capitals": having("Connection: Keep-Alive"),
  "a connection that closes": having("Connection: close") + plain(),
  "a connection with two options": having("Connection: keep-alive, close") + plain(),
  "a connection with an unknown option": having("Connection: mcp-name") + plain(),
  "a proxy's connection": having("Proxy-Connection: close") + plain(),
  "two lengths": having("Content-Length: 7") + plain(),
  "two different lengths": having("Content-Length: 1") + plain(),
  "a list of lengths": instead(3, "Content-Length: 7, 7") + plain(),
  "a length with a plus": instead(3, "Content-Length: +7") + plain(),
  "a negative length": instead(3, "Content-Length: -7") + plain(),
  "a length with a zero before": instead(3, "Content-Length: 007") + plain(),
  "a hexadecimal length": instead(3, "Content-Length: 0x7") + plain(),
  "a length with a fraction": instead(3, "Content-Length: 7.0") + plain(),
  "a length with a blank inside": instead(3, "Content-Length: 7 0") + plain(),
  "a length with blanks around it": instead(3, "Content-Length: \t 7 \t ") + plain(),
  "an empty length": instead(3, "Content-Length:") + plain(),
  "a length beyond all numbers": instead(3, `Content-Length: ${"9".repeat(30)}`),
  "a length beyond what is taken": instead(3, "Content-Length: 99999999"),
  "no length": plain(LINES.slice(0, 3), "") + plain(),
  "a length and pieces": having("Transfer-Encoding: chunked", CHUNKED) + plain(),
  "pieces and a length": plain(LINES.toSpliced(3, 0, "Transfer-Encoding: chunked"), CHUNKED) + plain(),
  pieces: plain(LINES.with(3, "Transfer-Encoding: chunked"), CHUNKED) + plain(),
  "pieces in capitals": plain(LINES.with(3, "TRANSFER-ENCODING: Chunked"), CHUNKED) + plain(),
  "pieces with a blank before the colon": plain(LINES.with(3, "Transfer-Encoding : chunked"), CHUNKED) + plain(),
  "pieces under a tab": plain(LINES.with(3, "Transfer-Encoding:\tchunked"), CHUNKED) + plain(),
  "pieces under a vertical tab": plain(LINES.with(3, "Transfer-Encoding: \x0bchunked"), CHUNKED) + plain(),
  "two encodings": having("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", CHUNKED) + plain(),
  "an unknown encoding": having("Transfer-Encoding: xchunked") + plain(),
  "an encoding of the whole": having("Transfer-Encoding: identity") + plain(),
  "pieces with trailers":
    plain(LINES.with(3, "Transfer-Encoding: chunked"), '7\r\n{"a":1}\r\n0\r\nX: y\r\n\r\n') + plain(),
  "pieces with a bad size": plain(LINES.with(3, "Transfer-Encoding: chunked"), "g\r\nxx\r\n") + plain(),
  "a blank before the colon": having("Mcp-Name : x") + plain(),
  "a tab before the colon": having("Mcp-Name\t: x") + plain(),
  "a folded line": having("Mcp-Name: x\r\n y") + plain(),
  "a line folded by a tab": having("Mcp-Name: x\r\n\ty") + plain(),
  "a folded length": instead(3, "Content-Length:\r\n 7") + plain(),
  "a first header that is folded": plain(LINES.toSpliced(1, 0, " x: y")) + plain(),
  "a line without a colon": having("nonsense") + plain(),
  "a line without a name": having(": x") + plain(),
  "an empty value": having("Mcp-Name:") + plain(),
  "blanks around a value": having("Mcp-Name: \t x y \t ") + plain(),
  "a name of symbols": having("!#$%&'*+-.^_`|~: x") + plain(),
  "a name with a bracket": having("a(b): x") + plain(),
  "a name with an umlaut": having("n\xe4me: x") + plain(),
  "a value with an umlaut": having("Mcp-Name: \xe4") + plain(),
  "a value in UTF-8": having("Mcp-Name: \xc3\xa4") + plain(),
  "a zero in a value": having("Mcp-Name: a\0b") + plain(),
  "a zero in a name": having("Mcp\0Name: ab") + plain(),
  "a zero at the end of a value": having("Mcp-Name: ab\0") + plain(),
  "an escape in a value": having("Mcp-Name: a\x1bb") + plain(),
  "a delete in a value": having("Mcp-Name: a\x7fb") + plain(),
  "a tab in a value": having("Mcp-Name: a\tb") + plain(),
  "a bare carriage return in a value": having("Mcp-Name: a\rb") + plain(),
  "a bare carriage return before a name": having("Mcp-Name: a\r\rX: b") + plain(),
  "a bare line feed in a value": having("Mcp-Name: a\nb") + plain(),
  "a header behind a bare line feed": having("Mcp-Name: a\nTransfer-Encoding: chunked") + plain(),
  "a header behind a bare carriage return": having("Mcp-Name: a\rTransfer-Encoding: chunked") + plain(),
  "bare line feeds everywhere": plain().replaceAll("\r\n", "\n") + plain(),
  "a bare line feed at the end": `${LINES.join("\r\n")}\r\n\n${BODY}${plain()}`,
  "a bare line feed after the first line": plain().replace("\r\n", "\n") + plain(),
  "bare carriage returns everywhere": plain().replaceAll("\r\n", "\r"),
  "line ends the wrong way round": plain().replaceAll("\r\n", "\n\r"),
  "a line feed too much at the end": `${LINES.join("\r\n")}\r\n\r\n\n${BODY}${plain()}`,
  "an empty line before": `\r\n${plain()}`,
  "empty lines before": `\r\n\r\n\r\n${plain()}`,
  "a bare line feed before": `\n${plain()}`,
  "an empty line between two": `${plain()}\r\n${plain()}`,
  "a blank before": ` ${plain()}`,
  "a method in small letters": plain().replace("POST", "post") + plain(),
  "a longer method": plain().replace("POST", "POSTS") + plain(),
  "another method": plain().replace("POST", "PUT") + plain(),
  "an unknown method": plain().replace("POST", "PAST") + plain(),
  "no method": plain().replace("POST ", "") + plain(),
  "a GET with a body": plain().replace("POST", "GET") + plain(),
  "a GET": `GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n${plain()}`,
  "a DELETE": `DELETE /mcp HTTP/1.1\r\nHost: x\r\n\r\n${plain()}`,
  "a HEAD": `HEAD /mcp HTTP/1.1\r\nHost: x\r\n\r\n${plain()}`,
  "a tunnel": `CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n${plain()}`,
  "a whole address": plain().replace("/mcp", "http://127.0.0.1:3000/mcp") + plain(),
  "a star for an address": plain().replace("/mcp", "*") + plain(),
  "an address without a slash": plain().replace("/mcp", "mcp") + plain(),
  "an address with a host": plain().replace("/mcp", "//evil/mcp") + plain(),
  "an address with a query": plain().replace("/mcp", "/mcp?a=b&c=%20") + plain(),
  "an address with a fragment": plain().replace("/mcp", "/mcp#x") + plain(),
  "an address with an umlaut": plain().replace("/mcp", "/mc\xfcp") + plain(),
  "an address with a zero": plain().replace("/mcp", "/m\0p") + plain(),
  "an address with a tab": plain().replace("/mcp", "/m\tp") + plain(),
  "an address with a backslash": plain().replace("/mcp", "/m\\p") + plain(),
  "an address with symbols": plain().replace("/mcp", "/-._~!$&'()*+,;=:@%[]{}|^`<>\"") + plain(),
  "an address with a blank": plain().replace("/mcp", "/m p") + plain(),
  "no address": plain().replace("/mcp ", "") + plain(),
  "two blanks after the method": plain().replace(" /mcp", "  /mcp") + plain(),
  "two blanks after the address": plain().replace("/mcp ", "/mcp  ") + plain(),
  "a tab after the method": plain().replace("POST ", "POST\t") + plain(),
  "a blank after the version": plain().replace("1.1\r", "1.1 \r") + plain(),
  "HTTP/1.0": plain().replace("HTTP/1.1", "HTTP/1.0") + plain(),
  "HTTP/1.2": plain().replace("HTTP/1.1", "HTTP/1.2") + plain(),
  "HTTP/2.0": plain().replace("HTTP/1.1", "HTTP/2.0") + plain(),
  "HTTP/0.9": plain().replace(" HTTP/1.1", "") + plain(),
  "a version in small letters": plain().replace("HTTP/1.1", "http/1.1") + plain(),
  "a version with more digits": plain().replace("HTTP/1.1", "HTTP/1.10") + plain(),
  "another protocol": plain().replace("HTTP/1.1", "ICAP/1.1") + plain(),
  "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "the beginning of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "no host": plain(LINES.toSpliced(1, 1)) + plain(),
  "an empty host": instead(1, "Host:") + plain(),
  "two hosts": having("Host: evil") + plain(),
  "the same header twice": having("X: a\r\nx: b") + plain(),
  "two cookies": having("Cookie: a\r\ncookie: b") + plain(),
  "two types": having("Content-Type: text/plain") + plain(),
  "two names": having("Mcp-Name: a\r\nMcp-Name: b") + plain(),
  "a name of objects": having("constructor: x\r\n__proto__: y\r\ntoString: z") + plain(),
  "the name of a prototype": having("__proto__: y") + plain(),
  "an expectation": having("Expect: 100-continue") + plain(),
  "an unknown expectation": having("Expect: x") + plain(),
  "an upgrade": having("Connection: Upgrade\r\nUpgrade: websocket") + plain(),
  "an upgrade on a kept connection": having("Upgrade: h2c") + plain(),
  TE: having("TE: trailers") + plain(),
  "a trailer": having("Trailer: x") + plain(),
  "a compressed body": having("Content-Encoding: gzip") + plain(),
  "a long head": having(`X: ${"y".repeat(9_000)}`) + plain(),
  "a head that is too long": having(`X: ${"y".repeat(17_000)}`) + plain(),
  "a head that is too long without an end": `POST /mcp HTTP/1.1\r\nX: ${"y".repeat(20_000)}`,
  "100 headers": having("a: b".concat(...Array.from({ length: 95 }, (_, at) => `\r\nx-${at}: y`))) + plain(),
  "very many headers": having("a: b".concat(...Array.from({ length: 300 }, (_, at) => `\r\nx-${at}: y`))) + plain(),
  "a body with a head in it":
    plain(LINES.with(3, "Content-Length: 40"), "POST / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n  45") + plain(),
  "more than was announced": plain(LINES, `${BODY}GARBAGE`) + plain(),
  "less than was announced": plain(LINES.with(3, "Content-Length: 10")),
  "a head alone": plain(LINES, ""),
  "half a head": LINES.slice(0, 2).join("\r\n"),
  "a request in pieces after a plain one":
    plain() + plain(LINES.with(3, "Transfer-Encoding: chunked"), CHUNKED) + plain(),
  "garbage after a plain one": `${plain()}GARBAGE\r\n\r\n`,
  "garbage after two": `${plain()}${plain()}GARBAGE\r\n\r\n`,
  "a GET after a plain one": `${plain()}GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n${plain()}`,
};

const corpus = seedsOf("http").map(({ name, bytes }) => [name, fill(bytes, "host", "127.0.0.1:3000")] as const);
const ALL: readonly (readonly [string, Buffer])[] = [
  ...Object.entries(INPUTS).map(([name, text]) => [name, Buffer.from(text, "latin1")] as const),
  ...corpus,
];

const cut = (bytes: Buffer, at: number): Buffer[] => [bytes.subarray(0, at), bytes.subarray(at)];

/**
 * Where garbage comes right behind a request, it is a matter of moments also in `node:http` whether the answer to that
 * has gone by then: if it has, a refusal follows, by the gateway or by `node:http` itself, and if not, the answer says that
 * the connection closes.
 */
const withoutMoments = (said: string): string =>
  said
    .replace(/^(?:Connection|Keep-Alive): .*\r\n/gm, "")
    .replace(/(?<=.)HTTP\/1\.1 \d+ [\w ]+\r\nconnection: close\r\n.*$/s, "")
    .replace(/(?<=.)HTTP\/1\.1 (?:400|417) [\w ]+\r\n(?:Transfer-Encoding: chunked\r\n\r\n0\r\n)?\r\n$/, "");
const comparable = ({ requests, said, saidAtOnce }: Understood) => ({
  requests,
  said: withoutMoments(said),
  saidAtOnce: withoutMoments(saidAtOnce),
});

describe.each(["at once", "later", "in a stream"] as const)(
  "answered %s, both readers understand the same of",
  answering => {
    const [node, strict] = [nodeAlone(answering), strictFirst(answering)];

    test.each(ALL)("%s", async (_name, bytes) => {
      const expected = comparable(await node.read([bytes]));
      expect(comparable(await strict.read([bytes]))).toEqual(expected);
    });
  },
);

test.each(["a plain request", "two of different lengths", "no body", "a kept connection in capitals"])(
  "%s is read strictly, and answered as node:http does, to the byte",
  async name => {
    const bytes = Buffer.from(INPUTS[name] ?? "", "latin1");
    for (const answering of ["at once", "later", "in a stream"] as const) {
      const [expected, found] = [await nodeAlone(answering).read([bytes]), await strictFirst(answering).read([bytes])];
      expect(found.said).toBe(expected.said);
      expect(found.strict).toBe(expected.requests.length);
    }
  },
);

test("a connection that was given away stays so", async () => {
  const { requests, strict } = await strictFirst("at once").read([
    Buffer.from(plain()),
    Buffer.from("GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n"),
    Buffer.from(plain()),
  ]);
  expect(requests.map(({ method }) => method)).toEqual(["POST", "GET", "POST"]);
  expect(strict).toBe(1);
});

/** As many places as there are, or some of them where that would be very many. */
function placesIn(bytes: Buffer): number[] {
  const step = bytes.length > 2_000 ? Math.ceil(bytes.length / 20) : 1;
  return Array.from({ length: Math.floor((bytes.length - 1) / step) }, (_, at) => 1 + at * step);
}

describe("cut in two at every byte, both readers understand the same of", () => {
  const [node, strict] = [nodeAlone("at once"), strictFirst("at once")];

  test.each(ALL)("%s", async (_name, bytes) => {
    for (const at of placesIn(bytes)) {
      const pieces = cut(bytes, at);
      const [expected, found] = [await node.read(pieces), await strict.read(pieces)];
      expect(comparable(found), `cut at ${at}`).toEqual(comparable(expected));
    }
  });
});

/** In a long run: `READER_RUNS=100000 npx vitest run src/downstream/readers.test.ts`. */
const RUNS = Number(process.env.READER_RUNS ?? 3_000);
const TOKENS = [
  ...["\r\n", "\n", "\r", " ", "\t", ":", "\0", "0", "7", ",", ";", "%", "/", "HTTP/1.1", "\r\n\r\n", "POST ", "\x7f"],
  ...["Content-Length: 7\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Host: x\r\n", "X: y\r\n"],
  ...["Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n", "\r\n ", plain()],
].map(text => Buffer.from(text, "latin1"));

/** A relative of what came in before, in up to three pieces. */
function relative(draw: Draw): Buffer[] {
  let [, bytes] = draw.pick(ALL);
  if (bytes.length > 4_000) bytes = Buffer.from(plain());
  for (let left = draw.below(3); left > 0; left--) {
    const at = draw.below(bytes.length + 1);
    const removed = draw.chance(0.5) ? draw.below(4) : 0;
    bytes = Buffer.concat([bytes.subarray(0, at), draw.pick(TOKENS), bytes.subarray(at + removed)]);
  }
  if (draw.chance(0.3)) bytes = mutate(bytes, draw);
  if (draw.chance(0.3)) bytes = Buffer.concat([Buffer.from(plain()), bytes]);
  const cuts = Array.from({ length: draw.below(3) }, () => draw.below(bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

test(`both readers understand the same of ${RUNS} relatives of all that, seed ${SEED}`, {
  timeout: 3_600_000,
}, async () => {
  const draw = seeded(SEED);
  const sides = (["at once", "later"] as const).map(how => ({ node: nodeAlone(how), strict: strictFirst(how) }));
  const read = { strictly: 0, all: 0 };
  for (let run = 0; run < RUNS; run++) {
    const { node, strict } = draw.pick(sides);
    const pieces = relative(draw);
    const [expected, found] = [await node.read(pieces), await strict.read(pieces)];
    const text = pieces.map(piece => JSON.stringify(piece.toString("latin1"))).join("\n");
    expect(comparable(found), text).toEqual(comparable(expected));
    read.strictly += found.strict;
    read.all += found.requests.length;
  }
  expect(read.strictly / read.all).toBeGreaterThan(0.3);
});
