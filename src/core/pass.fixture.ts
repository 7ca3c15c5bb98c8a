import type { Pass } from "./pass.ts";

/** For tests that wait for what comes of it. */
export const promised =
  <Asked, Brought>(pass: Pass<Asked, Brought>) =>
  (asked: Asked): Promise<Brought> =>
    new Promise(done => pass(asked, done));

/** One that brings what a function gives, at once or later. */
export const bringing =
  <Asked, Brought>(answer: (asked: Asked) => Brought | Promise<Brought>): Pass<Asked, Brought> =>
  (asked, done) => {
    const brought = answer(asked);
    if (brought instanceof Promise) void brought.then(done);
    else done(brought);
  };
