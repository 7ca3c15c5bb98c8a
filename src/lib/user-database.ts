import { readFileSync } from "node:fs";
import { programOutput } from "./sight.ts";

/** Who runs this process, and who there is. */
export interface UserWorld {
  /** `undefined` where the system has no such numbers. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The line of a user or group, by name or number, split; `undefined` where there is none. */
  lookUp(database: "passwd" | "group", key: string): readonly string[] | undefined;
}

/** The machine's. */
export const systemUsers: UserWorld = {
  uid: process.getuid?.(),
  gid: process.getgid?.(),
  lookUp(database, key) {
    if (!/^[\w.][\w.$@\\ -]*$/.test(key)) return undefined;
    return [known(database, key), readFile(database)]
      .flatMap(text => text.split("\n"))
      .map(line => line.split(":"))
      .find(fields => fields.length > 3 && (fields[0] === key || fields[2] === key));
  },
};

/** Users may come from elsewhere than a file; the program that asks everywhere differs between systems. */
function known(database: "passwd" | "group", key: string): string {
  if (process.platform !== "darwin") return programOutput("/usr/bin/getent", [database, key]);
  const [kind, by] = [
    database === "passwd" ? "user" : "group",
    /^\d+$/.test(key) ? (database === "passwd" ? "uid" : "gid") : "name",
  ];
  return macLine(programOutput("/usr/bin/dscacheutil", ["-q", kind, "-a", by, key]));
}

/** What `dscacheutil` prints, as a line of the file. */
export function macLine(text: string): string {
  const of = (key: string): string => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1] ?? "";
  if (of("name") === "") return "";
  const number = of("uid") || of("gid");
  return [of("name"), "", number, of("gid"), "", of("dir"), of("shell")].join(":");
}

function readFile(database: string): string {
  try {
    return readFileSync(`/etc/${database}`, "utf8");
  } catch {
    return "";
  }
}
