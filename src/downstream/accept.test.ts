import { expect, test } from "vitest";
import { accepts } from "./accept.ts";

const BOTH = [true, true];
const JSON_ONLY = [true, false];
const STREAM_ONLY = [false, true];

test.each([
  [undefined, BOTH],
  ["", BOTH],
  ["*/*", BOTH],
  ["*", BOTH],
  ["application/json, text/event-stream", BOTH],
  ["text/event-stream;q=0.9, Application/JSON; q=0.1", BOTH],
  ["text/html, application/xhtml+xml, */*;q=0.8", BOTH],
  ["application/*, text/*", BOTH],
  ["application/json", JSON_ONLY],
  ["application/json; charset=utf-8", JSON_ONLY],
  ["application/json, text/event-stream;q=0", JSON_ONLY],
  ["*/*, text/event-stream;q=0.0", JSON_ONLY],
  ["text/event-stream", STREAM_ONLY],
  ["text/event-stream, */*;q=0", STREAM_ONLY],
  ["text/*", STREAM_ONLY],
  ["text/html", [false, false]],
  ["application/jsonx, text/event-streams;v=1", [false, false]],
])("Accept: %s takes JSON and event streams as it says", (header, taken) => {
  expect([accepts(header, "application/json"), accepts(header, "text/event-stream")]).toEqual(taken);
});
