import { expect, it } from "vitest";
import { memoryBus } from "./memory-bus.ts";

it("tells every subscriber of a topic, after the publisher's turn", async () => {
  const bus = memoryBus();
  const heard: string[] = [];
  const receive = (message: string) => heard.push(message);
  bus.subscribe("a", receive);
  bus.subscribe("a", receive);
  bus.subscribe("b", receive);
  bus.publish("a", "news");
  expect(heard).toEqual([]);
  await Promise.resolve();
  expect(heard).toEqual(["news", "news"]);
});

it("tells nobody whose subscription has ended, not even news that is under way", async () => {
  const bus = memoryBus();
  const heard: string[] = [];
  const end = bus.subscribe("a", message => heard.push(`one ${message}`));
  bus.subscribe("a", message => heard.push(`two ${message}`));
  bus.publish("a", "news");
  end();
  end();
  await Promise.resolve();
  expect(heard).toEqual(["two news"]);
});
