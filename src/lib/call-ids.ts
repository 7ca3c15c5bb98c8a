import { hash, randomBytes } from "node:crypto";
import { type Owner, thisProcess } from "./lock-file.ts";
import { platformOf } from "./platform.ts";

/** Ids of calls in the log: unlike those of any other process, and telling which one gave them. */
export function createCallIds(): () => string {
  const head = `${markOf(thisProcess())}-${randomBytes(3).toString("hex")}`;
  let count = 0;
  return () => `${head}-${++count}`;
}

/** Tells of ids whether the process that gave them still runs, by how things are when it is asked first. */
export function livingGivers(): (id: string) => boolean {
  const { isAlive, processStartTime } = platformOf();
  const known = new Map<string, boolean>();
  return id => {
    const [mark, digits] = /^(\d+)-[0-9a-f]{8}(?=-)/.exec(id) ?? [];
    if (mark === undefined) return false;
    const pid = Number(digits);
    const lives =
      known.get(mark) ?? (isAlive(pid) && mark === markOf({ pid, startTime: processStartTime(pid) ?? null }));
    known.set(mark, lives);
    return lives;
  };
}

const markOf = ({ pid, startTime }: Owner): string => `${pid}-${hash("sha256", startTime ?? "", "hex").slice(0, 8)}`;
