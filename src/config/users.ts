/** Which user a child runs as: whether there is one, and whether it can be had, is asked outside of this room. */
import type { Complaint } from "./problem.ts";
import { upstreamsOf } from "./values.ts";

/** Why a child cannot run as `user`, or `undefined`. */
export type UserTrouble = (user: string) => Pick<Complaint, "message" | "help"> | undefined;

export function checkUsers(root: unknown, trouble: UserTrouble = () => undefined): readonly Complaint[] {
  return upstreamsOf(root).flatMap(({ table, index }): Complaint[] => {
    const { user } = table;
    const found = typeof user === "string" && user !== "" ? trouble(user) : undefined;
    return found ? [{ code: "RAD1222", path: ["upstreams", index, "user"], point: "value", ...found }] : [];
  });
}
