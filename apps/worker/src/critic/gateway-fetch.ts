import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";

/** `fetch` as a client of models uses it, over the gateway's socket and nowhere else, whatever host an address names. How long an answer may take is the signal's to say. */
export function gatewayFetch(socketPath: string): typeof fetch {
  return async (input, init = {}) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = Object.fromEntries(new Headers(init.headers));
    const asked = {
      socketPath,
      path: `${pathname}${search}`,
      method: init.method ?? "GET",
      headers,
      agent: false,
      ...(init.signal ? { signal: init.signal } : {}),
    };
    const sending = request(asked, resolve);
    sending.on("error", reject);
    sending.end(init.body);
    const answer = await promise;
    const told = Object.entries(answer.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
    return new Response(Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status: answer.statusCode ?? 502, headers: told });
  };
}
