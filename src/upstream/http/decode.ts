import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { header, type ReplyHead } from "./statuses.ts";

/** Takes what a decoder makes of a body; `end` or `broken` comes once, at its end. */
export interface DecodedReceiver {
  data(chunk: Buffer): void;
  end(): void;
  broken(error: Error): void;
  /** More came than is decoded yet: nothing further is wanted until `ready`. */
  full(): void;
  ready(): void;
}

/** Undoes the compression of one body. */
export interface Decoder {
  write(chunk: Buffer): void;
  /** Nothing more comes: the rest is decoded, then the receiver hears of the end. */
  end(): void;
  pause(): void;
  resume(): void;
  /** The receiver hears nothing more. */
  stop(): void;
}

/** Of Node 22.15 and newer. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };

/** What is compressed further than this is no text that anybody wrote, but made to be large where it arrives. */
const INFLATION = { freeBytes: 1024 * 1024, factor: 100 } as const;

/** By the names in `Content-Encoding`; the first bytes tell what each server means by `deflate`. */
const STREAMS: Readonly<Record<string, ((first: Buffer) => Transform) | undefined>> = {
  gzip: () => zlib.createGunzip(),
  "x-gzip": () => zlib.createGunzip(),
  deflate: first => (isZlib(first) ? zlib.createInflate() : zlib.createInflateRaw()),
  br: () => zlib.createBrotliDecompress(),
  zstd: createZstdDecompress,
};

/** https://www.rfc-editor.org/rfc/rfc1950#page-5 */
const isZlib = (first: Buffer): boolean => ((first[0] ?? 0) & 0x0f) === 8;

const encodingOf = (head: ReplyHead): string => (header(head, "content-encoding") ?? "identity").trim().toLowerCase();

/** Whether the body is compressed, in a way that can be undone. */
export function isDecodable(head: ReplyHead): boolean {
  return head.headers["content-encoding"] !== undefined && STREAMS[encodingOf(head)] !== undefined;
}

/** The head of the body as it is after decoding, of which nobody knows how long it is. */
export function decodedHead(head: ReplyHead): ReplyHead {
  const { "content-encoding": _encoding, "content-length": _length, ...headers } = head.headers;
  return { ...head, headers, bytes: undefined };
}

/** For a head that {@link isDecodable}. What it makes is handed over in small pieces, so that a receiver can stop it. */
export function openDecoder(head: ReplyHead, receiver: DecodedReceiver): Decoder {
  const open = STREAMS[encodingOf(head)];
  let stream: Transform | undefined;
  let paused = false;
  let over = false;
  let [came, made] = [0, 0];

  const breakOff = (code: string): void => {
    over = true;
    stream?.destroy();
    receiver.broken(Object.assign(new Error("not decoded"), { code }));
  };
  const start = (first: Buffer): Transform => {
    const started = open!(first);
    started.on("data", (chunk: Buffer) => {
      if (over) return;
      made += chunk.length;
      if (made > INFLATION.freeBytes && made > came * INFLATION.factor) breakOff("INFLATED");
      else receiver.data(chunk);
    });
    started.on("end", () => {
      if (over) return;
      over = true;
      receiver.end();
    });
    started.on("error", (error: NodeJS.ErrnoException) => {
      if (!over) breakOff(error.code === "Z_BUF_ERROR" ? error.code : "NOT_COMPRESSED");
    });
    started.on("drain", () => {
      if (!over) receiver.ready();
    });
    if (paused) started.pause();
    return started;
  };

  return {
    write(chunk) {
      if (over || chunk.length === 0) return;
      came += chunk.length;
      stream ??= start(chunk);
      if (!stream.write(chunk)) receiver.full();
    },
    end() {
      if (over) return;
      if (stream) stream.end();
      else {
        // An empty body is not compressed, whatever its head says.
        over = true;
        receiver.end();
      }
    },
    pause() {
      paused = true;
      stream?.pause();
    },
    resume() {
      paused = false;
      stream?.resume();
    },
    stop() {
      over = true;
      stream?.destroy();
    },
  };
}
