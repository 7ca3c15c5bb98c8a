import { describe, expect, test } from "vitest";
import { macLine, systemUsers, type UserWorld } from "./user-database.ts";
import { findAccount } from "./users.ts";

const LINES: Readonly<Record<string, readonly string[]>> = {
  "passwd svc": ["svc", "x", "501", "601", "", "/srv/svc", "/bin/sh"],
  "passwd 501": ["svc", "x", "501", "601", "", "/srv/svc", "/bin/sh"],
  "group data": ["data", "x", "700", ""],
};
const world = (uid: number | undefined = 0, gid = 0): UserWorld => ({
  ...{ uid, gid },
  lookUp: (database, key) => LINES[`${database} ${key}`],
});
const SVC = { uid: 501, gid: 601, name: "svc", home: "/srv/svc", shell: "/bin/sh" };

describe("the account that a child runs as", () => {
  test.each([
    ["svc", SVC],
    ["501", SVC],
    ["svc:data", { ...SVC, gid: 700 }],
    ["svc:800", { ...SVC, gid: 800 }],
    ["12:13", { uid: 12, gid: 13, name: undefined, home: undefined, shell: undefined }],
  ])("%s", (text, account) => {
    expect(findAccount(text, world())).toEqual({ ok: true, account });
  });

  test.each([
    ["nobody-here", /there is no user "nobody-here"/],
    // A number alone has no group.
    ["12", /there is no user "12"/],
    ["svc:none", /there is no group "none"/],
    // "Leave as it is", to the system.
    ["4294967295:1", /there is no user/],
    ["svc:4294967295", /there is no group/],
    ["", /names no user/],
    ["svc:", /names no user/],
    [":data", /names no user/],
    ["svc:data:x", /names no user/],
    ["-1:-1", /there is no user/],
    ["0x0:0", /there is no user/],
  ])("%j is refused", (text, message) => {
    expect(findAccount(text, world())).toMatchObject({ ok: false, message: expect.stringMatching(message) });
  });

  test("is somebody else for root only; a user may name itself", () => {
    const refused = {
      ok: false,
      message: expect.stringContaining("only root"),
      help: expect.stringContaining("as root"),
    };
    expect(findAccount("svc", world(500, 600))).toMatchObject(refused);
    expect(findAccount("svc:data", world(501, 601))).toMatchObject(refused);
    expect(findAccount("12:601", world(501, 601))).toMatchObject(refused);
    expect(findAccount("svc", world(501, 601))).toMatchObject({ ok: true });
  });

  test("is nobody's where there are no such numbers", () => {
    expect(findAccount("svc", { ...world(), uid: undefined })).toMatchObject({ ok: false, help: 'remove "user"' });
  });
});

test.skipIf(process.platform === "win32")("the users of this machine are known by name and number", () => {
  expect(systemUsers.uid).toBe(process.getuid?.());
  expect(systemUsers.lookUp("passwd", "root")?.slice(2, 4)).toEqual(["0", "0"]);
  expect(systemUsers.lookUp("passwd", "0")?.[0]).toBe("root");
  expect(systemUsers.lookUp("passwd", "-h")).toBeUndefined();
  expect(systemUsers.lookUp("group", "no-such-group")).toBeUndefined();
});

test("what a Mac says of a user is read as a line of the file", () => {
  const text = "name: svc\npassword: *\nuid: 501\ngid: 20\ndir: /srv/mac\nshell: /bin/zsh\ngecos: S V C\n";
  expect(macLine(text).split(":")).toEqual(["svc", "", "501", "20", "", "/srv/mac", "/bin/zsh"]);
  expect(macLine("name: staff\npassword: *\ngid: 20\n").split(":")[2]).toBe("20");
  expect(macLine("")).toBe("");
});
