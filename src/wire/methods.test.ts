import { expect, test } from "vitest";
import { isForwarded, isKnown, isVendors } from "./methods.ts";

test.each([
  ...["tools/call", "Tools/Call", "tools/call\0", "TOOLS/CALL", "tool\u017f/call", " tools/call", "tools/call\0x"],
  ...["resources/list", "Initialize", "initialize\0", "Logging/SetLevel", "Tasks/cancel", "TASKS/other", "\u200bping"],
])("T-20 a method that is spelled like one of ours goes nowhere as somebody's own: %j", method => {
  expect(isForwarded(method)).toBe(false);
  expect(isKnown(method)).toBe(true);
});

test.each(["com.example/search", "search", "tools/call/x", "tools", "x/Tools/Call"])(
  "a method that nothing is known about is forwarded: %j",
  method => {
    expect(isForwarded(method)).toBe(true);
    expect(isKnown(method)).toBe(false);
  },
);

test.each([
  ["notifications/cancelled", false],
  ["notifications/Cancelled", false],
  ["notifications/cancelled\0", false],
  ["Notifications/Progress", false],
  ["notifications/tools/List_changed", false],
  ["notifications/com.example/done", true],
])("T-20 a notification is somebody's own only where it is like none of ours: %j %s", (method, own) => {
  expect(isVendors(method)).toBe(own);
});
