import type { Socket } from "node:net";
import { ByteBuffer } from "../wire/byte-buffer.ts";
import { BODIES, type BodyRoom, type Receiving } from "./body-room.ts";
import type { Inbound } from "./inbound.ts";
import type { Outbound } from "./outbound.ts";
import { type StrictHead, StrictHeads } from "./strict-head.ts";
import { StrictRequest } from "./strict-request.ts";
import type { ResponseLine } from "./strict-response.ts";
import { StrictResponse } from "./strict-response.ts";

/** What all connections have in common. Times are in ms. */
export interface StrictHost {
  readonly bodies: BodyRoom;
  now(): number;
  date(): string;
  readonly keepAliveMs: number;
  receive(request: Inbound, response: Outbound): void;
  /** Gives a connection to `node:http` for good. `afterAnswer`: the bytes came while an answer was on its way. */
  handOver(socket: Socket, bytes: Buffer, afterAnswer: boolean): void;
  /** Answers what never became a request, by node's error code, or more of the same. */
  refuse(socket: Socket, code: string): void;
  /** The reader is not wanted any more. */
  left(reader: StrictReader): void;
}

export interface ReadLimits {
  readonly headMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
}

/**
 * `other`: what came is for `node:http`, as soon as everything is answered. `refused`: something was refused, and more of
 * it is only counted. `over`: nothing is read any more.
 */
type State = "reading" | "other" | "refused" | "over";

/** What waits to be handed over, beside small pieces, may be as long as one body and its head. */
const MAX_OTHER_BYTES = 5 * 1024 * 1024;
/** From here on an agent that does not read is not read either, as in `node:http`. */
const HIGH_WATER_BYTES = 16_384;
const CUT_SHORT = "HPE_INVALID_EOF_STATE";
const TOO_SLOW = "ERR_HTTP_REQUEST_TIMEOUT";

/** Reads plain POSTs on one connection, and gives it to `node:http` with the first that comes of anything else. */
export class StrictReader implements ResponseLine {
  readonly socket: Socket;
  readonly #host: StrictHost;
  readonly #heads = new StrictHeads();
  #state: State = "reading";
  /** What cannot be read yet: the beginning of a head, or what came while an agent does not read. */
  #held: Buffer | undefined;
  /** What waits to be handed over. */
  #other: ByteBuffer | undefined;
  #receiving: Receiving | undefined;
  /** The request whose body is still coming, and how much of it is to come. */
  #coming: StrictRequest | undefined;
  #left = 0;
  /** Responses that are not over, in the order of their requests. */
  #responses: StrictResponse[] = [];
  #isPaused = false;
  #isAdvancing = false;
  #wasUsed = false;
  /** When what is coming began, or when there was last anything to do. */
  #since: number;

  constructor(socket: Socket, host: StrictHost) {
    this.socket = socket;
    this.#host = host;
    this.#since = host.now();
    socket.on("data", this.#data);
    socket.on("end", this.#end);
    socket.on("close", this.#close);
    socket.on("error", ignore);
    socket.on("drain", this.#drain);
    socket.on("timeout", this.#timeout);
  }

  get responses(): readonly StrictResponse[] {
    return this.#responses;
  }

  get keepAliveSeconds(): number {
    return Math.floor(this.#host.keepAliveMs / 1_000);
  }

  /** Whether it has served a request, and has nothing to do now. */
  get isIdle(): boolean {
    return this.#wasUsed && this.#isQuiet;
  }

  get #isQuiet(): boolean {
    return this.#state === "reading" && this.#responses.length === 0 && !this.#coming && !this.#held;
  }

  date(): string {
    return this.#host.date();
  }

  /** Ends what takes longer than it may. */
  look(now: number, { headMs, requestMs, idleMs }: ReadLimits): void {
    if (this.#state !== "reading" || this.#isPaused) return;
    const forMs = now - this.#since;
    if (this.isIdle) {
      if (forMs >= idleMs) this.socket.destroy();
      return;
    }
    const isHead = this.#held !== undefined || this.#isQuiet;
    if ((isHead && forMs >= headMs) || ((isHead || this.#coming) && forMs >= requestMs)) this.#refuse(TOO_SLOW);
  }

  /** The first response is over; the next one may be sent. */
  finished(response: StrictResponse): void {
    this.#since = this.#coming || this.#held ? this.#since : this.#host.now();
    this.#wasUsed = true;
    this.#responses.shift();
    if (response.isLast) {
      this.#state = "over";
      this.socket.destroySoon();
      return;
    }
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    // One that is there already is over at once, which comes back here.
    for (let next = this.#responses[0]; next && this.#state !== "over"; next = this.#responses[0]) {
      next.takeTurn();
      if (next === this.#responses[0]) break;
    }
    this.#isAdvancing = false;
    this.#goOn();
  }

  readonly #data = (chunk: Buffer): void => {
    if (this.#state === "over") return;
    if (this.#state === "refused") return void this.#host.refuse(this.socket, TOO_SLOW);
    if (this.#state === "other") return void this.#keepOther(chunk);
    const bytes = this.#held ? Buffer.concat([this.#held, chunk]) : chunk;
    if (!this.#held && !this.#coming) this.#since = this.#host.now();
    this.#held = undefined;
    if (this.#isPaused) this.#held = bytes;
    else this.#read(bytes);
  };

  readonly #end = (): void => {
    if (this.#state === "reading" && (this.#held || this.#coming)) this.#refuse(CUT_SHORT);
    else if (this.#state === "refused") this.#host.refuse(this.socket, CUT_SHORT);
    else this.socket.end();
  };

  readonly #close = (): void => {
    this.#state = "over";
    this.#receiving?.release();
    this.#held = undefined;
    this.#other = undefined;
    this.#host.left(this);
    this.#coming?.emit("close");
    for (const response of this.#responses.splice(0)) response.close();
  };

  readonly #drain = (): void => {
    this.#responses[0]?.drained();
    this.#goOn();
  };

  readonly #timeout = (): void => void this.#responses[0]?.emit("timeout");

  /** What could not be done before may be possible now. */
  #goOn(): void {
    if (this.#state === "other" && this.#responses.length === 0)
      return void this.#handOver(this.#other?.take() ?? NOTHING, true);
    if (this.#state !== "reading" || !this.#isPaused || this.#mustWait()) return;
    this.#isPaused = false;
    this.socket.resume();
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#read(held);
  }

  #mustWait(): boolean {
    if (this.socket.writableNeedDrain) return true;
    let bytes = 0;
    for (let at = 1; at < this.#responses.length; at++) bytes += this.#responses[at]?.writableLength ?? 0;
    return bytes >= HIGH_WATER_BYTES;
  }

  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#state === "reading") {
      if (this.#coming) at = this.#body(this.#coming, bytes, at);
      else if (this.#mustWait()) {
        this.#held = bytes.subarray(at);
        this.#isPaused = true;
        this.socket.pause();
        break;
      } else {
        const reading = this.#heads.read(bytes, at);
        if (reading.kind === "more") this.#held = at === 0 ? bytes : Buffer.from(bytes.subarray(at));
        if (reading.kind === "other") this.#isOther(bytes.subarray(at), at > 0);
        if (reading.kind !== "head") break;
        at = this.#request(reading.head, bytes, reading.end);
      }
    }
  }

  /** Returns where what follows begins. */
  #request(head: StrictHead, bytes: Buffer, from: number): number {
    const end = from + head.bodyBytes;
    const isWhole = end <= bytes.length;
    const request = new StrictRequest(head, this.socket, isWhole ? bytes.subarray(from, end) : undefined);
    const response = new StrictResponse(this, request, this.#responses.length === 0);
    this.#responses.push(response);
    if (!isWhole) {
      this.#coming = request;
      this.#left = head.bodyBytes;
    }
    this.#host.receive(request, response);
    return isWhole ? end : from;
  }

  #body(request: StrictRequest, bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    if (this.#left === 0) this.#coming = undefined;
    request.emit("data", at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left === 0) request.end();
    return end;
  }

  /** `behind`: the bytes came together with something that they follow. */
  #isOther(bytes: Buffer, behind: boolean): void {
    if (this.#responses.length === 0) return void this.#handOver(bytes, behind);
    this.#state = "other";
    this.#keepOther(bytes);
  }

  #keepOther(bytes: Buffer): void {
    this.#other ??= new ByteBuffer(MAX_OTHER_BYTES);
    const size = this.#other.length + bytes.length;
    const giveUp = (): void => void this.socket.destroy();
    if (size > MAX_OTHER_BYTES) return void giveUp();
    if (size > BODIES.smallBytes) {
      this.#receiving ??= this.#host.bodies.begin(giveUp);
      if (!this.#receiving.hold(size)) return void giveUp();
    }
    this.#other.append(bytes);
  }

  #handOver(bytes: Buffer, afterAnswer: boolean): void {
    const { socket } = this;
    this.#state = "over";
    this.#receiving?.release();
    this.#other = undefined;
    socket.removeListener("data", this.#data);
    socket.removeListener("end", this.#end);
    socket.removeListener("close", this.#close);
    socket.removeListener("error", ignore);
    socket.removeListener("drain", this.#drain);
    socket.removeListener("timeout", this.#timeout);
    this.#host.left(this);
    this.#host.handOver(socket, bytes, afterAnswer);
  }

  #refuse(code: string): void {
    this.#state = "refused";
    this.#held = undefined;
    this.#host.refuse(this.socket, code);
  }
}

const NOTHING = Buffer.alloc(0);
const ignore = (): void => {};
