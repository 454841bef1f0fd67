import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { closeToOthers } from "../../apps/gateway/src/http/socket-place.ts";

/** A server on a unix socket in place of the model gateway. It says who it is, and what key it was given. */
export interface StubGateway extends AsyncDisposable {
  /** `METHOD path authorization`, as they came. */
  readonly requests: string[];
}

/** Listens on the socket, a new file, as the gateway does at each of its starts. */
export async function startStubGateway(socketPath: string, name = "gateway"): Promise<StubGateway> {
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { method, url, headers } = request;
    requests.push(`${method} ${url} ${headers.authorization}`);
    request.resume();
    request.once("end", () => response.end(`${name} got ${headers.authorization}`));
  });
  server.listen(socketPath);
  await once(server, "listening");
  closeToOthers(socketPath);
  return {
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
