const LIMIT_MS = 3_000;

/** Whether a gateway listens on this socket and says that it is well. */
export async function gatewayHealth(socketPath: string): Promise<{ readonly ok: boolean; readonly found: string }> {
  const { request } = await import("node:http");
  const { promise, resolve } = Promise.withResolvers<{ ok: boolean; found: string }>();
  const asking = request({ socketPath, path: "/slipway/health", signal: AbortSignal.timeout(LIMIT_MS) }, (response) => {
    response.resume();
    const { statusCode } = response;
    resolve(statusCode === 200 ? { ok: true, found: "answers" } : { ok: false, found: `answers with HTTP ${statusCode}` });
  });
  asking.on("error", (error) => resolve({ ok: false, found: error.name === "AbortError" ? `no answer within ${LIMIT_MS} ms` : error.message }));
  asking.end();
  return await promise;
}
