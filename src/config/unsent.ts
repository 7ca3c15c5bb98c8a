/** What is written for an upstream and never reaches it, because something else takes its place. */
import type { Complaint } from "./problem.ts";
import { isTable, upstreamsOf } from "./values.ts";

/** What the protocol sets itself, and what belongs to one connection only. */
export const RESERVED_HEADERS =
  /^(connection|content-(encoding|length|type)|expect|keep-alive|last-event-id|mcp-.*|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

const CODE = "RAD1215";

/** Works on values that the schema may have refused. */
export function checkUnsent(root: unknown): readonly Complaint[] {
  return upstreamsOf(root).flatMap(({ table, index }): Complaint[] => {
    const headers = isTable(table.headers) ? Object.keys(table.headers) : [];
    const authorization = headers.find(name => name.toLowerCase() === "authorization");
    const path = ["upstreams", index];
    const complaints = headers
      .filter(name => RESERVED_HEADERS.test(name))
      .map(name => unsent([...path, "headers", name], `the header "${name}" is set by the protocol or the connection`));
    if (authorization !== undefined && table.auth !== undefined) {
      complaints.push(
        unsent([...path, "headers", authorization], `"auth" brings a header "${authorization}" of its own`),
      );
    }
    if (holdsCredentials(table.url) && (authorization ?? table.auth) !== undefined) {
      const other = table.auth === undefined ? `the header "${authorization}"` : '"auth"';
      complaints.push(unsent([...path, "url"], `${other} takes the place of the credentials in the URL`));
    }
    return complaints;
  });
}

const unsent = (path: Complaint["path"], why: string): Complaint => ({
  ...{ code: CODE, path, point: "key" },
  message: `this is never sent: ${why}`,
  help: "remove it",
});

export function holdsCredentials(url: unknown): boolean {
  if (typeof url !== "string" || !URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username !== "" || password !== "";
}
