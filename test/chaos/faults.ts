import { setTimeout as sleep } from "node:timers/promises";
import { type Draw, seeded } from "../fuzz/random.ts";
import type { Fleet } from "./fleet.ts";

/** What was done to the fleet, from when to when. */
export interface Blow {
  readonly kind: BlowKind;
  readonly target: string;
  readonly from: number;
  readonly to: number;
  /** What was seen while it was done. */
  readonly notes: readonly string[];
}
export type BlowKind = keyof typeof BLOWS;

/** Long enough that calls really meet it. */
const DOWN_MS = 1_500;
const HANG_MS = 3_000;
const RESET_MS = 1_500;
const CALM_MS = 1_500;
/** Of a response head and its body together, so that some resets come before, some within and some after. */
const RESET_WITHIN_BYTES = 1_200;

const BROKEN: readonly string[] = [
  '[mcp.proxy]\nport = "x"\n',
  "[mcp.proxy\n",
  "[mcp.proxy]\nhots = 1\n",
  '[[mcp.proxy.upstreams]]\nname = "a"\ntransport = "http"\nurl = "http://x"\n[[mcp.proxy.upstreams]]\nname = "a"\ntransport = "http"\nurl = "http://y"\n',
  '[mcp.proxy.security]\nredact_patterns = ["("]\n',
  '[[mcp.proxy.upstreams]]\nname = "a"\ntransport = "carrier pigeon"\n',
  '[[mcp.proxy.upstreams]]\ntransport = "stdio"\n',
  "[mcp.proxy]\nport = \u0000\n",
];

type Do = (fleet: Fleet, draw: Draw) => Promise<{ target: string; notes?: string[] }>;
const replica = (draw: Draw): "a" | "b" => draw.pick(["a", "b"]);

const BLOWS = {
  async kill({ servers }, draw) {
    const target = replica(draw);
    await servers[target].kill();
    await sleep(DOWN_MS);
    await servers[target].start();
    return { target };
  },
  async hang({ servers }, draw) {
    const target = replica(draw);
    servers[target].signal("SIGSTOP");
    await sleep(HANG_MS);
    servers[target].signal("SIGCONT");
    return { target };
  },
  async reset({ proxies }, draw) {
    const target = replica(draw);
    const until = performance.now() + RESET_MS;
    while (performance.now() < until) {
      const lift = proxies[target].add("down", { kind: "reset", afterBytes: draw.below(RESET_WITHIN_BYTES) });
      await sleep(50);
      lift();
      await sleep(100);
    }
    return { target };
  },
  async restart_sessions({ servers }) {
    await servers.c.kill();
    await servers.c.start();
    return { target: "c" };
  },
  async restart_stream({ servers }) {
    await servers.e.kill();
    await servers.e.start();
    return { target: "e" };
  },
  async kill_child({ gateway }) {
    const pid = await childPid(gateway, "d");
    if (pid !== null) process.kill(pid, "SIGKILL");
    return { target: "d" };
  },
  async reload({ gateway, configure }, draw) {
    const before = await childPid(gateway, "d");
    configure(30 + draw.below(60));
    const { code, stderr } = await gateway.rad("mcp", "proxy", "reload");
    const after = await childPid(gateway, "d");
    const notes = code === 0 ? [] : [`reload ended with ${code}: ${stderr.slice(0, 200)}`];
    if (before !== after && before !== null && after !== null) notes.push(`child d was ${before} and became ${after}`);
    return { target: "gateway", notes };
  },
  async misconfigure({ gateway, misconfigure, configure }, draw) {
    misconfigure(draw.pick(BROKEN));
    const { code, stderr } = await gateway.rad("mcp", "proxy", "reload");
    configure(60);
    const { code: mended } = await gateway.rad("mcp", "proxy", "reload");
    const notes = code === 0 ? ["a broken configuration was taken"] : [];
    if (!/mcp-proxy\.toml:\d+/.test(stderr)) notes.push(`no file and line in: ${stderr.slice(0, 300)}`);
    if (mended !== 0) notes.push(`the good configuration was refused with ${mended}`);
    return { target: "gateway", notes };
  },
} as const satisfies Record<string, Do>;

async function childPid(gateway: Fleet["gateway"], name: string): Promise<number | null> {
  return (await gateway.status()).upstreams.find(upstream => upstream.name === name)?.pid ?? null;
}

/** Every kind of blow, in an order that the seed decides, again and again until the time is over; each kind at least once. */
export async function storm(
  fleet: Fleet,
  options: { seed: number; ms: number; log(text: string): void },
): Promise<Blow[]> {
  const draw = seeded(options.seed);
  const until = performance.now() + options.ms;
  const blows: Blow[] = [];
  let round: BlowKind[] = [];
  for (let first = true; first || round.length > 0 || performance.now() < until; ) {
    if (round.length === 0) {
      if (!first && performance.now() >= until) break;
      round = shuffled(Object.keys(BLOWS) as BlowKind[], draw);
      first = false;
    }
    const kind = round.pop() as BlowKind;
    const from = Date.now();
    const { target, notes = [] } = await (BLOWS[kind] as Do)(fleet, draw);
    blows.push({ kind, target, from, to: Date.now(), notes });
    options.log(`${kind} ${target}${notes.map(note => `; ${note}`).join("")}`);
    await sleep(CALM_MS);
    if (performance.now() >= until && blows.length >= Object.keys(BLOWS).length) break;
  }
  return blows;
}

function shuffled<T>(items: readonly T[], draw: Draw): T[] {
  const left = [...items];
  return items.map(() => left.splice(draw.below(left.length), 1)[0] as T);
}
