import { expect, test } from "vitest";
import { bench } from "./modules.ts";

interface Responses {
  readResponse(bytes: Buffer): { readonly end: number; readonly status: number } | undefined;
  decoded(bytes: Buffer): { readonly status: number; readonly text: string; readonly message: unknown };
}
const { readResponse, decoded } = await bench<Responses>("response.mjs");

const plain = 'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"id":1,"ok":"é"}'.replace("17", "18");
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\nevent: message\ndata: {"id":1}\n\r\n1\r\n\n\r\n0\r\n\r\n';

test.each([
  ["a length", plain, { id: 1, ok: "é" }],
  ["chunks that hold an event", chunked, { id: 1 }],
])("a response with %s is read when it is whole", (_, text, message) => {
  const bytes = Buffer.from(text);
  for (let cut = 0; cut < bytes.length; cut++) expect(readResponse(bytes.subarray(0, cut))).toBeUndefined();
  expect(readResponse(Buffer.concat([bytes, Buffer.from("HTTP/1.1")]))).toEqual({ end: bytes.length, status: 200 });
  expect(decoded(bytes)).toMatchObject({ status: 200, message });
});

test("a response whose end nobody can know is an error", () => {
  expect(() => readResponse(Buffer.from("HTTP/1.1 200 OK\r\n\r\nx"))).toThrow("unknown length");
});
