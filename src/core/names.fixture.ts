import { principal } from "./names.ts";

/** Who asks in a test that is about nobody in particular. */
export const ANONYMOUS = principal("anonymous");
