import type { HttpLink } from "./http-link.ts";
import { type Place, redirectOf, shownPath } from "./redirects.ts";
import type { ReplyHead } from "./statuses.ts";

/** As many as other clients take, give or take. */
const MAX_REDIRECTS = 10;
const MAX_REMEMBERED = 16;

interface Asked {
  readonly method: string;
  readonly path: string;
}

/** Where a request goes first: each method has a way of its own, since a GET may lead to the documentation. */
export function placeOf({ moved }: HttpLink, { method, path }: Asked): Place {
  return (moved.size > 0 && moved.get(keyOf(method, path))) || { path, upgraded: false };
}

export const keyOf = (method: string, path: string): string => `${method} ${path}`;

/** The way of one request that is redirected. */
export interface Way {
  /** Where a redirect leads; or the head to be read instead, because it is not followed. */
  next(head: ReplyHead, setsCookies: boolean): { readonly place: Place } | { readonly head: ReplyHead };
  /** The request was answered at that place: the conversation goes there from now on. */
  arrived(): void;
}

export function createWay(link: HttpLink, { method, path }: Asked, first: Place): Way {
  let place = first;
  const left: Place[] = [];
  return {
    next(head, setsCookies) {
      const redirect = redirectOf(head, { method, origin: link.origin, place });
      if (redirect.kind === "none") return { head };
      if (redirect.kind === "refuse") return { head: { ...head, redirect: redirect.says } };
      left.push(place);
      const { place: to } = redirect;
      // Whoever sets a cookie and sends us back to where we are expects to answer something else there.
      const isCircle = !setsCookies && left.some(one => one.path === to.path && one.upgraded === to.upgraded);
      if (isCircle || left.length > MAX_REDIRECTS) {
        const shown = [...left.slice(-3), to].map(shownPath).join(" → ");
        return { head: { ...head, redirect: `the upstream redirects in a circle: ${shown} (HTTP ${head.status})` } };
      }
      place = to;
      return { place };
    },
    arrived() {
      const key = keyOf(method, path);
      if (link.moved.has(key) || link.moved.size < MAX_REMEMBERED) link.moved.set(key, place);
    },
  };
}
