import { once } from "node:events";
import { createServer, request } from "node:http";

/** A unix socket that leads to a server on this machine, path by path, as the gateway's leads to a model's: but it counts, keeps and refuses nothing. */
export async function forwardSocket(socketPath: string, target: string): Promise<AsyncDisposable> {
  const server = createServer((incoming, response) => {
    const onward = request(new URL(incoming.url ?? "/", target), { method: incoming.method ?? "GET", headers: incoming.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
