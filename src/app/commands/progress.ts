import type { UpstreamStatus } from "../../core/status.ts";
import type { Gateway } from "../gateway.ts";
import type { Live } from "../terminal/live.ts";
import { printable } from "../terminal/printable.ts";
import { explainFailure, hasFailed, symbolOf, toneOf, wordOf } from "../terminal/states.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { count } from "../terminal/words.ts";

/** Shows how upstreams come and go: drawn in place at first where a person watches, else a line for each change. */
export interface Progress {
  /** From here on every change is a line of its own, with its time. */
  settle(): void;
  end(): void;
}

export function showProgress(gateway: Gateway, terminal: Terminal, live: Live | undefined): Progress {
  const statuses = new Map(gateway.status().upstreams.map(status => [status.name, status]));
  const told = new Map<string, string>();
  let settled = false;
  const draw = (): void => live?.show([...statuses.values()].map(status => line(status, terminal)));
  const tell = (status: UpstreamStatus): void => {
    // Between failures an upstream is dialled again and again: only the end of an attempt is news.
    if (status.state === "connecting" && told.has(status.name)) return;
    const news = newsOf(status);
    if (told.get(status.name) === news) return;
    told.set(status.name, news);
    const [first = "", ...rest] = hasFailed(status)
      ? explainFailure(status, terminal.paint.err)
      : [line(status, terminal)];
    terminal.err([settled ? `${timeOfDay()} ${first}` : first, ...rest].join("\n"));
  };
  const forget = gateway.onUpstream(status => {
    statuses.set(status.name, status);
    if (live && !settled) draw();
    else tell(status);
  });
  if (live) draw();
  else for (const status of statuses.values()) tell(status);
  return {
    settle: () => {
      if (live) {
        live.clear();
        for (const [name, status] of statuses) told.set(name, newsOf(status));
      }
      settled = true;
    },
    end: forget,
  };
}

/** What must differ for a state to be told: failing again for the same reason is nothing new. */
const newsOf = (status: UpstreamStatus): string =>
  hasFailed(status) ? `failed ${status.lastError}` : `${status.state} ${status.protocolVersion}`;

function line(status: UpstreamStatus, { paint, unicode }: Terminal): string {
  const { state } = status;
  if (hasFailed(status)) return explainFailure(status, paint.err)[0] ?? "";
  const details = state === "connecting" ? [] : [status.transport, status.protocolVersion, count(status.tools, "tool")];
  const aside = [
    ...details.filter(detail => detail !== null),
    ...(state === "ready" || !status.lastError ? [] : [status.lastError]),
  ];
  const facts = aside.length > 0 ? ` (${printable(aside.join(", "))})` : "";
  return `${paint.err(toneOf(state), `${symbolOf(state, unicode)} ${printable(status.name)}: ${wordOf(state)}`)}${facts}`;
}

const timeOfDay = (): string => new Date().toTimeString().slice(0, 8);
