import type { Bus } from "../core/ports.ts";

/**
 * News within this process. Delivered after the publisher has finished its turn, as if it came from elsewhere, so that
 * nobody comes to rely on an order that other buses cannot keep.
 */
export function memoryBus(): Bus {
  type Receive = (message: string) => void;
  const topics = new Map<string, Set<Receive>>();
  return {
    publish(topic, message) {
      for (const receive of topics.get(topic) ?? []) {
        queueMicrotask(() => {
          if (topics.get(topic)?.has(receive)) receive(message);
        });
      }
    },
    subscribe(topic, receive) {
      // A wrapper of its own per subscription: the same function may subscribe twice.
      const own: Receive = message => receive(message);
      const receivers = topics.get(topic) ?? new Set();
      topics.set(topic, receivers.add(own));
      return () => {
        receivers.delete(own);
        if (receivers.size === 0 && topics.get(topic) === receivers) topics.delete(topic);
      };
    },
  };
}
