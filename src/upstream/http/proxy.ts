import { BlockList, isIP } from "node:net";
import { basicOf, hostOf, isLoopback } from "./url-parts.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy that requests to an upstream go through. */
export interface HttpProxy {
  readonly kind: "proxy";
  /** The variable that names it. */
  readonly variable: string;
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Fit to be shown: no credentials. */
  readonly address: string;
  /** The value of `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

export type ProxyChoice =
  | { readonly kind: "direct" }
  | HttpProxy
  /** What the variable holds cannot be used. */
  | { readonly kind: "unusable"; readonly variable: string; readonly address: string };

const DIRECT: ProxyChoice = { kind: "direct" };
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  "http:": ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
  "https:": ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
};

/**
 * Which proxy the environment wants for a URL, by the rules that curl, Go and Python share: lower-case names first,
 * `NO_PROXY` names hosts, domains, addresses and networks. This machine is never reached through a proxy.
 */
export function proxyFor(url: string, environment: Environment): ProxyChoice {
  const target = new URL(url);
  const variable = VARIABLES[target.protocol]?.find(name => environment[name] !== undefined);
  const value = variable === undefined ? "" : (environment[variable] ?? "").trim();
  if (variable === undefined || value === "" || isLoopback(hostOf(target)) || isExempt(target, environment)) {
    return DIRECT;
  }
  const text = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  const port = proxy && DEFAULT_PORTS[proxy.protocol];
  if (!proxy || port === undefined) {
    return { kind: "unusable", variable, address: proxy ? `${proxy.protocol}//${proxy.host}` : "an unreadable URL" };
  }
  return {
    kind: "proxy",
    variable,
    secure: proxy.protocol === "https:",
    hostname: hostOf(proxy),
    port: Number(proxy.port || port),
    address: `${proxy.hostname}:${proxy.port || port}`,
    authorization: basicOf(proxy),
  };
}

function isExempt(target: URL, environment: Environment): boolean {
  const list = environment.no_proxy ?? environment.NO_PROXY ?? "";
  const port = target.port || String(DEFAULT_PORTS[target.protocol]);
  return list
    .split(/[\s,]+/)
    .filter(entry => entry !== "")
    .some(entry => matches(entry.toLowerCase(), hostOf(target), port));
}

/** `*`, `name`, `.domain`, `*.domain`, an address or a network, each but the last with a port or without. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isWithin(entry, host);
  const { name, only } = portOf(entry);
  if (only !== undefined && only !== port) return false;
  if (isIP(name) !== 0) return isIP(host) === isIP(name) && isWithin(`${name}/${isIP(name) === 4 ? 32 : 128}`, host);
  const domain = name.replace(/^\*(?=\.)/, "").replace(/\.$/, "");
  if (domain.startsWith(".")) return host.endsWith(domain);
  return host === domain || host.endsWith(`.${domain}`);
}

/** An IPv6 address is written with brackets where a port follows. */
function portOf(entry: string): { name: string; only: string | undefined } {
  const [, name, only] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry) ?? [];
  return { name: (name ?? entry).replace(/^\[|\]$/g, ""), only };
}

function isWithin(network: string, host: string): boolean {
  const [address = "", prefix = ""] = network.split("/");
  const version = isIP(address);
  const bits = Number(prefix);
  if (version === 0 || isIP(host) !== version || !/^\d{1,3}$/.test(prefix) || bits > (version === 4 ? 32 : 128)) {
    return false;
  }
  const list = new BlockList();
  const family = version === 4 ? "ipv4" : "ipv6";
  list.addSubnet(address, bits, family);
  return list.check(host, family);
}
