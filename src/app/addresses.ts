import type { Config } from "../config/schema.ts";
import { ENTRANCES } from "../downstream/entrances.ts";

/** Where agents connect, the best first. */
export function urlsOf(address: { host: string; port: number }, config: Config): { url: string; urls: string[] } {
  const name = ["127.0.0.1", "0.0.0.0", "::", "::1"].includes(address.host) ? "localhost" : address.host;
  const base = `http://${name.includes(":") ? `[${name}]` : name}:${address.port}`;
  const urls = ENTRANCES[config.transport].map(path => base + path);
  return { url: urls[0] ?? base, urls };
}
