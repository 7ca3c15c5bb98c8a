import { inspect } from "node:util";
import { expect, it } from "vitest";
import { Secret } from "./secret.ts";

it("shows itself only to whoever asks for it", () => {
  const secret = new Secret("canary");
  const shown = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect({ secret }, { showHidden: true })];
  expect(shown.join()).not.toContain("canary");
  expect(shown).toEqual(["[secret]", "[secret]", '{"secret":"[secret]"}', "{ secret: [secret] }"]);
  expect(secret.reveal()).toBe("canary");
});
