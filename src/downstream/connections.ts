import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../core/ports.ts";
import { LOOPBACK, placeOf } from "./address.ts";
import type { Outbound } from "./outbound.ts";

/** Agents' connections, within a limit. */
export interface Connections {
  /** Whether some are beyond the limit. */
  readonly areCrowded: boolean;
  /** Whether this one is. It is let in for good as soon as another one has ended. */
  isOver(socket: Socket): boolean;
  /** A request that is worth something has begun on its connection, and is over. */
  began(response: Outbound): Connection | undefined;
  ended(connection: Connection | undefined, response: Outbound): void;
  readonly open: number;
  /** How many were closed to make room, since the start, and how many were turned away. */
  readonly counts: { readonly shed: number; readonly refused: number };
}

export const CROWD = {
  /** An agent may be about to send its next request: to close its connection now would look like a call that was lost. */
  usedMs: 1_000,
  /** So long the first request, or what an address sends that has very many connections, is waited for. */
  freshMs: 250,
  /** Whoever has so large a part of all connections makes room before others do. */
  greedyPart: 1 / 4,
  /** So much of them is left for other addresses than the one that has most. An own machine has only one. */
  othersPart: 1 / 10,
  /** From here on a connection on which nothing happens is not kept for long. */
  crowdedPart: 3 / 4,
  keepAliveMs: 5_000,
  /** So long whoever is turned away in the middle of a request may take to read why. */
  lastWordMs: 1_000,
} as const;

/** Beyond the limit so many more are accepted, only to be told so; further ones are closed at once. */
const MARGIN = { part: 10, least: 8, most: 256 } as const;

export interface Connection {
  readonly socket: Socket;
  readonly place: Place;
  /** Requests that are not answered. */
  running: number;
  /** To the latest one, until it is over. */
  response: Outbound | undefined;
  /** Whether any was answered. */
  used: boolean;
  /** When nothing more was left to do, or when the present request began. */
  since: number;
}

/** All connections from one address. */
interface Place {
  readonly name: string;
  open: number;
}

export interface ConnectionRules {
  readonly max: number;
  readonly clock: Clock;
  /** Says to whoever sends a request that there is no time for it, and closes its connection. */
  turnAway(response: Outbound): void;
}

/**
 * Where there are as many connections as there may be, a newcomer takes the place of the one that was idle for longest,
 * and then of one whose request has been coming for long; of the address that has most, if it has a good part of all.
 * What is being answered is never ended.
 */
export function limitConnections(server: Server, { max, clock, turnAway }: ConnectionRules): Connections {
  const all = new Set<Connection>();
  const places = new Map<string, Place>();
  const known = new WeakMap<Socket, Connection>();
  const over = new Set<Connection>();
  const counts = { shed: 0, refused: 0 };
  let cancelLook: (() => void) | undefined;
  const usualKeepAliveMs = server.keepAliveTimeout;
  server.maxConnections = max + Math.min(MARGIN.most, Math.max(MARGIN.least, Math.ceil(max / MARGIN.part)));

  server.on("connection", (socket: Socket) => {
    const name = placeOf(socket.remoteAddress);
    const place = places.get(name) ?? { name, open: 0 };
    places.set(name, place);
    const since = clock.now();
    const connection: Connection = { socket, place, running: 0, response: undefined, used: false, since };
    known.set(socket, connection);
    all.add(connection);
    place.open++;
    if (isTooMany(place)) over.add(connection);
    if (over.size > 0) makeRoom(connection);
    lookLater();
    socket.once("close", () => left(connection));
    adjust();
  });
  server.on("drop", () => {
    counts.refused++;
    lookLater();
  });

  /** Whoever is beyond the limit may say nothing for ever, and then nobody would look at who is idle. */
  function lookLater(): void {
    if (over.size === 0 || cancelLook) return;
    cancelLook = clock.after(CROWD.freshMs, () => {
      cancelLook = undefined;
      for (const connection of [...over]) if (!isIn(connection)) makeRoom(connection);
      lookLater();
    });
  }

  /** Whether there is room for it, because others have left. */
  function isIn(connection: Connection): boolean {
    const { place } = connection;
    if (!over.has(connection)) return true;
    const hasRoom = all.size - over.size < max && place.open <= mostOf(place);
    if (hasRoom) over.delete(connection);
    return hasRoom;
  }

  function left(connection: Connection): void {
    over.delete(connection);
    if (!all.delete(connection)) return;
    if (--connection.place.open === 0) places.delete(connection.place.name);
    adjust();
  }

  function adjust(): void {
    server.keepAliveTimeout =
      all.size > max * CROWD.crowdedPart ? Math.min(usualKeepAliveMs, CROWD.keepAliveMs) : usualKeepAliveMs;
  }

  const mostOf = ({ name }: Place): number => (name === LOOPBACK ? max : max - Math.floor(max * CROWD.othersPart));
  const isTooMany = (place: Place): boolean => all.size > max || place.open > mostOf(place);

  function makeRoom(newcomer: Connection): void {
    const { place } = newcomer;
    const isOwn = place.open > mostOf(place);
    const greedy = isOwn ? place : greediest();
    const goes = longest(greedy, newcomer) ?? (isOwn ? undefined : longest(undefined, newcomer));
    if (!goes) return;
    counts.shed++;
    left(goes);
    end(goes);
    if (!isTooMany(place)) over.delete(newcomer);
  }

  function greediest(): Place | undefined {
    let found: Place | undefined;
    for (const place of places.values())
      if (place.open > all.size * CROWD.greedyPart && place.open > (found?.open ?? 0)) found = place;
    return found;
  }

  /** The one that has served nobody for longest, of that address or of all. */
  function longest(of: Place | undefined, newcomer: Connection): Connection | undefined {
    const now = clock.now();
    const isHog = of !== undefined && places.size > 1;
    let found: Connection | undefined;
    for (const one of all) {
      if (one === newcomer || (of && one.place !== of)) continue;
      const isComing = one.running === 1 && one.response?.req.complete === false;
      if (one.running > 0 && !isComing) continue;
      const graceMs = isComing || (one.used && !isHog) ? CROWD.usedMs : CROWD.freshMs;
      if (now - one.since < graceMs) continue;
      if (!found || one.running < found.running || (one.running === found.running && one.since < found.since))
        found = one;
    }
    return found;
  }

  function end({ socket, response }: Connection): void {
    const destroy = (): void => void socket.destroy();
    if (response === undefined || response.headersSent) destroy();
    else {
      turnAway(response);
      clock.after(CROWD.lastWordMs, destroy);
    }
  }

  return {
    get areCrowded() {
      return over.size > 0;
    },
    get open() {
      return all.size;
    },
    counts,
    isOver(socket) {
      const connection = known.get(socket);
      if (!connection || !over.has(connection)) return false;
      if (isIn(connection)) return false;
      makeRoom(connection);
      if (!over.has(connection)) return false;
      counts.refused++;
      return true;
    },
    began(response) {
      const connection = known.get(response.req.socket);
      if (!connection) return undefined;
      connection.running++;
      connection.response = response;
      connection.since = clock.now();
      return connection;
    },
    ended(connection, response) {
      if (!connection) return;
      connection.running--;
      connection.used = true;
      connection.since = clock.now();
      if (connection.response === response) connection.response = undefined;
    },
  };
}

/** How many streams may be open that never end by themselves: the rest is left for calls. */
export const streamsWithin = (maxConnections: number): number =>
  Math.max(1, maxConnections - Math.ceil(maxConnections / MARGIN.part));
