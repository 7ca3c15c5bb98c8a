import { randomBytes } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { manualClock } from "../../test/fixtures/manual-clock.ts";
import { createSealer } from "./seal.ts";

const FORGED = { ok: false, reason: "forged" };
const context = { purpose: "ticket", principal: "ann", about: "tools/call a:b" };

function sealed(text = "secret state") {
  const clock = manualClock();
  const sealer = createSealer(randomBytes(32), { clock });
  return { clock, sealer, text: sealer.seal({ ...context, expiresInMs: 1_000 }, text) };
}

describe("a sealed text", () => {
  it("opens to what was sealed, whatever it holds", () => {
    for (const text of ["", "ünïcödé \u{1F600}", '{"kind":"state"}', "x".repeat(100_000)]) {
      const { sealer, text: closed } = sealed(text);
      expect(sealer.open(context, closed)).toEqual({ ok: true, text });
    }
  });

  it("shows nothing of its content, and never looks the same twice", () => {
    const { sealer, text } = sealed();
    expect(Buffer.from(text, "base64url").includes("secret")).toBe(false);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(sealer.seal({ ...context, expiresInMs: 1_000 }, "secret state")).not.toBe(text);
  });

  it.each([{ purpose: "task" }, { principal: "bob" }, { about: "tools/call a:c" }])(
    "opens in no context with %j",
    other => {
      const { sealer, text } = sealed();
      expect(sealer.open({ ...context, ...other }, text)).toEqual(FORGED);
    },
  );

  it("keeps the parts of its context apart", () => {
    const { sealer } = sealed();
    const text = sealer.seal({ purpose: "a", principal: "bc", about: "", expiresInMs: 1 }, "x");
    expect(sealer.open({ purpose: "ab", principal: "c", about: "" }, text)).toEqual(FORGED);
  });

  it("opens under no other key", () => {
    const { text } = sealed();
    expect(sealed().sealer.open(context, text)).toEqual(FORGED);
  });

  it("is forged when any bit of it is another", () => {
    const { sealer, text } = sealed();
    const bytes = Buffer.from(text, "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      expect(sealer.open(context, other.toString("base64url"))).toEqual(FORGED);
    }
  });

  it.each(["", "x", "not base64 at all!", "AAAA", "=".repeat(80), "A".repeat(2_000_000)])("is not %.20j", text => {
    expect(sealed().sealer.open(context, text)).toEqual(FORGED);
  });

  it("is forged when it is too short to hold anything, even with our format", () => {
    const { sealer } = sealed();
    for (let bytes = 0; bytes < 60; bytes++) {
      const text = Buffer.concat([Buffer.of(1), Buffer.alloc(bytes)]).toString("base64url");
      expect(sealer.open(context, text), `${bytes}`).toEqual(FORGED);
    }
  });

  it("that is longer than any of ours is not even decoded", () => {
    const { sealer } = sealed();
    const longest = sealer.seal({ ...context, expiresInMs: 1 }, "x".repeat(sealer.maxBytes));
    const decoded = vi.spyOn(Buffer, "from");
    expect(sealer.open(context, `${longest}A`)).toEqual(FORGED);
    expect(decoded).not.toHaveBeenCalled();
    decoded.mockRestore();
  });

  it.each([0, 16, 31, 33, 64])("is not made with a key of %i bytes", bytes => {
    expect(() => createSealer(Buffer.alloc(bytes), { clock: manualClock() })).toThrow("32 bytes");
  });

  it("is forged when it was cut, added to or spelled differently", () => {
    const { sealer, text } = sealed();
    for (const other of [text.slice(0, -1), text.slice(1), `${text}A`, `${text}=`, ` ${text}`, `${text}-TAMPERED`]) {
      expect(sealer.open(context, other)).toEqual(FORGED);
    }
  });

  it("expires, and says so only to whom it belongs", () => {
    const { clock, sealer, text } = sealed();
    clock.advance(999);
    expect(sealer.open(context, text).ok).toBe(true);
    clock.advance(1);
    expect(sealer.open(context, text)).toEqual({ ok: false, reason: "expired" });
    expect(sealer.open({ ...context, principal: "bob" }, text)).toEqual(FORGED);
  });

  it("is never made of more than can be opened again", () => {
    const { sealer } = sealed();
    const most = "x".repeat(sealer.maxBytes);
    const text = sealer.seal({ ...context, expiresInMs: 1 }, most);
    expect(sealer.open(context, text)).toEqual({ ok: true, text: most });
    expect(() => sealer.seal({ ...context, expiresInMs: 1 }, `${most}x`)).toThrow(RangeError);
  });
});

describe("T-64 the life of a sealed text", () => {
  const at = (start: number) => {
    const time = { wall: start, now: 0 };
    const sealer = createSealer(KEY, { clock: { wall: () => time.wall, now: () => time.now } });
    return { time, sealer };
  };
  const KEY = randomBytes(32);
  const START = Date.UTC(2030, 0, 1);

  it.each([START + 10 * 365 * 86_400_000, 0])("is not changed by setting the clock to %i", wall => {
    const { time, sealer } = at(START);
    const text = sealer.seal({ ...context, expiresInMs: 1_000 }, "x");
    Object.assign(time, { wall, now: 999 });
    expect(sealer.open(context, text)).toEqual({ ok: true, text: "x" });
    time.now = 1_000;
    expect(sealer.open(context, text)).toEqual({ ok: false, reason: "expired" });
  });

  it("goes on in another process, from the time of day at which that one began", () => {
    const text = at(START).sealer.seal({ ...context, expiresInMs: 60_000 }, "x");
    expect(at(START + 59_000).sealer.open(context, text)).toMatchObject({ ok: true });
    expect(at(START + 60_000).sealer.open(context, text)).toEqual({ ok: false, reason: "expired" });
  });
});
