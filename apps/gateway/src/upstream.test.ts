import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { expect, test } from "vitest";
import { openUpstream } from "./upstream.ts";

test("a proxy of the environment is used", async () => {
  const asked: string[] = [];
  const proxy = createServer((incoming, response) => {
    asked.push(incoming.url ?? "");
    response.end("by proxy");
  });
  proxy.on("connect", (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    socket.end("HTTP/1.1 502 no\r\n\r\n");
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const before = { ...process.env };
  Object.assign(process.env, { HTTPS_PROXY: address, NO_PROXY: "" });
  const dispatcher = openUpstream();
  try {
    await expect(request("https://models.example/v1/models", { dispatcher })).rejects.toThrow();
  } finally {
    process.env = before;
    await dispatcher.destroy();
    proxy.closeAllConnections();
    proxy.close();
  }
  expect(asked).toEqual(["CONNECT models.example:443"]);
});
