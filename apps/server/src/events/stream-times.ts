import { PING_MS } from "../http/keep-alive.ts";

/** When a connection that says nothing counts as dead, all in ms. */
export interface StreamTimes {
  /** How often a WebSocket is asked whether it lives; one that has not answered by the next time is cut. */
  readonly pingMs: number;
  /** How often a silent stream of server-sent events gets a comment: it keeps proxies from closing it, and shows us one that broke. */
  readonly heartbeatMs: number;
  /** A reader of server-sent events, which cannot answer, is cut when it has taken nothing for this long although something waits for it. */
  readonly stallMs: number;
}

export const STREAM_TIMES: StreamTimes = { pingMs: PING_MS, heartbeatMs: 15_000, stallMs: 60_000 };
