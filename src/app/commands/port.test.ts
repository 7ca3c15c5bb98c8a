import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { stage } from "../../../test/cli/fake-gateway.ts";
import { requireFree } from "./port.ts";

test("a port that somebody holds is told before anything is given up for it, a free one is left free", async () => {
  const { context } = stage({ cwd: "/", env: { TMPDIR: "/nowhere" } }, () => {
    throw new Error("nothing is assembled");
  });
  const holder = createServer();
  onTestFinished(() => void holder.close());
  await once(holder.listen({ host: "127.0.0.1", port: 0 }), "listening");
  const { port } = holder.address() as AddressInfo;
  await expect(requireFree({ host: "127.0.0.1", port }, context)).rejects.toThrow(
    `Port already in use: 127.0.0.1:${port}`,
  );
  await requireFree({ host: "127.0.0.1", port: 0 }, context);
});
