/** What can be said about a configuration file, and the stable codes under which it is said. */

export type Level = "error" | "warning";

/** Every code of this room. A code keeps its number and its meaning for ever. */
export const CONFIG_CODES = {
  RAD1001: { level: "error", title: "The configuration file does not exist." },
  RAD1002: { level: "error", title: "The file is not valid TOML." },
  RAD1003: { level: "error", title: "The file cannot be read." },
  RAD1004: { level: "error", title: "Everybody on this machine may write to the file." },
  RAD1005: { level: "warning", title: "A group of users may write to the file." },
  RAD1006: { level: "warning", title: "The file holds a secret and everybody on this machine may read it." },
  RAD1007: { level: "warning", title: "The file has no `[mcp.proxy]` table, so only defaults apply." },
  RAD1008: { level: "error", title: "The file, or something on the way to it, belongs to another user." },
  RAD1009: { level: "error", title: "Everybody on this machine may write to a folder on the way to the file." },
  RAD1010: { level: "warning", title: "A group of users may write to a folder on the way to the file." },
  RAD1011: { level: "warning", title: "Others can change the file, and that was allowed." },
  RAD1203: { level: "error", title: "A key is unknown, or stands in the wrong table." },
  RAD1204: { level: "error", title: "A value has the wrong type or is out of range." },
  RAD1205: { level: "error", title: "A required key is missing." },
  RAD1206: { level: "error", title: "Two upstreams have the same name." },
  RAD1207: { level: "error", title: "A redact pattern is not a regular expression that runs in linear time." },
  RAD1208: { level: "error", title: "An environment variable is not set." },
  RAD1209: { level: "error", title: "A variable in a value is not written correctly." },
  RAD1210: { level: "error", title: "A key does not apply to the transport of its upstream." },
  RAD1211: { level: "warning", title: "A key has no effect for the transport of its upstream." },
  RAD1212: { level: "warning", title: "An upstream's name cannot be used as it is in tool names." },
  RAD1213: { level: "error", title: "A host name or a web origin that is let in is none, or is everybody's." },
  RAD1215: { level: "warning", title: "A header or credentials are never sent: something else takes their place." },
  RAD1216: {
    level: "warning",
    title: "Credentials would go unencrypted to another machine, so the upstream is not connected.",
  },
  RAD1217: { level: "warning", title: "An upstream's certificate is not verified." },
  RAD1222: { level: "error", title: "A child cannot run as that user." },
} as const satisfies Record<string, { level: Level; title: string }>;
export type ConfigCode = keyof typeof CONFIG_CODES;

/** One problem, placed. Lines and columns count from 1; line 0 means the file as a whole. */
export interface Problem {
  readonly code: ConfigCode;
  readonly level: Level;
  /** What is wrong, without the place. Of interpolated values it shows only names of upstreams. */
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line as written, values of keys that look secret replaced by asterisks; empty for line 0. */
  readonly sourceLine: string;
  /** What to do. */
  readonly help: string;
}

/** Path of a key below `[mcp.proxy]`. */
export type KeyPath = readonly (string | number)[];

/** One problem before it is placed. */
export interface Complaint {
  readonly code: ConfigCode;
  readonly path: KeyPath;
  /** What to point at: the key's name, its value, or text inside the value. */
  readonly point: "key" | "value" | { readonly inside: string };
  readonly message: string;
  readonly help: string;
}
