import { afterEach, expect, it } from "vitest";
import { events, eventText, outbound, type Seen, startPeer } from "../../../test/fixtures/http-peer.ts";
import { manualClock } from "../../../test/fixtures/manual-clock.ts";
import { poll } from "../../../test/fixtures/poll.ts";
import { peer as child, stdioChannels } from "../../../test/fixtures/stdio-channel.ts";
import { openSseChannel } from "../http/sse.ts";
import type { Reply } from "./channel.ts";
import { requestOn } from "./channel.ts";
import { createReplyRooms, type ReplyRoom } from "./inbound-memory.ts";

const LARGE = 3_000_000;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const openStdio = stdioChannels();

/** Two connections of one upstream, of which the first stops in the middle of its answer until it is told to go on. */
interface Two {
  readonly first: () => Promise<Reply>;
  readonly second: () => Promise<Reply>;
  readonly finish: () => void;
}

function twoChildren(room: ReplyRoom): Two {
  const answer = `const text = JSON.stringify({ jsonrpc: "2.0", id, result: { text: "x".repeat(${LARGE}) } }) + "\\n";`;
  const halting = child(`if (params.name === "end") process.stdout.write(rest);
    else { ${answer} process.stdout.write(text.slice(0, 450_000)); globalThis.rest = text.slice(450_000); }`);
  const fluent = child(`${answer} process.stdout.write(text)`);
  const [one, two] = [halting, fluent].map(program => openStdio({ ...program, env: {} }, { room }));
  return {
    first: () => one!.call({ name: "begin" }),
    second: () => two!.call({ name: "all" }),
    finish: () => void one!.call({ name: "end" }),
  };
}

async function twoStreams(room: ReplyRoom): Promise<Two> {
  const opened: Seen["response"][] = [];
  let finish = (): void => {};
  const peer = await startPeer(seen => {
    if (seen.method === "GET") {
      opened.push(events(seen, `event: endpoint\ndata: /${opened.length}\n\n`));
      return;
    }
    const number = Number(seen.url.slice(1));
    const stream = opened[number];
    seen.response.writeHead(202).end();
    const text = eventText(JSON.stringify({ jsonrpc: "2.0", id: seen.id, result: { text: "x".repeat(LARGE) } }));
    if (number === 1) return void stream?.write(text);
    stream?.write(text.slice(0, 450_000));
    finish = () => void stream?.write(text.slice(450_000));
  });
  cleanups.push(() => peer.close());
  const open = async (number: number) => {
    const options = { url: peer.url, headers: {}, clock: manualClock(), room };
    const channel = openSseChannel(options, { message() {}, closed() {} });
    cleanups.push(() => channel.close());
    await peer.request(number);
    return channel;
  };
  const [one, two] = [await open(0), await open(1)];
  return {
    first: () => requestOn(one, outbound()),
    second: () => requestOn(two, outbound()),
    finish: () => finish(),
  };
}

it.each([
  ["child", twoChildren],
  ["stream for everything", twoStreams],
])("a %s is not read on while another of the same upstream holds the room, and is afterwards", async (_what, start) => {
  const rooms = createReplyRooms({ clock: manualClock(), totalBytes: 500_000 });
  const { first, second, finish } = await start(rooms.room());
  const order: string[] = [];
  const note = (name: string) => (reply: Reply) => {
    order.push(reply.kind === "result" && reply.result.size > LARGE ? name : JSON.stringify(reply));
  };
  const one = first().then(note("first"));
  expect(await poll(() => rooms.bytes > 400_000)).toBe(true);
  const two = second().then(note("second"));
  expect(await poll(() => rooms.bytes > 500_000)).toBe(true);
  finish();
  await Promise.all([one, two]);
  expect(order).toEqual(["first", "second"]);
  expect(rooms.bytes).toBe(0);
});

it("a connection that is closed in the middle of a message gives its room back", async () => {
  const rooms = createReplyRooms({ clock: manualClock() });
  const { first } = await twoStreams(rooms.room());
  const reply = first();
  expect(await poll(() => rooms.bytes > 400_000)).toBe(true);
  await cleanups.splice(1, 1)[0]!();
  expect(await reply).toMatchObject({ fault: "connection_lost" });
  expect(rooms.bytes).toBe(0);
});
