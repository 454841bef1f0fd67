import type { FastifyInstance } from "fastify";

/** Time for requests under way to be answered, in ms; then their connections are cut. */
const ANSWER_LIMIT_MS = 1_000;

/** Stops listening, lets what is under way be answered, and cuts what takes longer. */
export async function closeApp(app: FastifyInstance): Promise<void> {
  // A connection is only ever closed when it is idle, and one that becomes idle later would keep the server open for its whole keep-alive.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 20);
  const cut = setTimeout(() => {
    for (const socket of app.websocketServer.clients) socket.terminate();
    app.server.closeAllConnections();
  }, ANSWER_LIMIT_MS);
  try {
    await app.close();
  } finally {
    clearInterval(sweep);
    clearTimeout(cut);
  }
}
