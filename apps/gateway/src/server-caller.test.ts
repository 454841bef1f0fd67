import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SlipwayError } from "@slipway/protocol/errors";
import { newId } from "@slipway/protocol/scalars";
import { afterEach, expect, test } from "vitest";
import { ServerCaller } from "./server-caller.ts";

const open: Array<() => void> = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const body = { gatewayId: newId(), epoch: newId(), version: "1" };

async function callerOf(listener: RequestListener): Promise<{ caller: ServerCaller; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const caller = new ServerCaller({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`, token: "t" });
  open.push(() => {
    caller.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { caller, server };
}

test("a call carries the token, and its answer is checked", async () => {
  const seen: unknown[] = [];
  const { caller } = await callerOf((request, response) => {
    seen.push([request.method, request.url, request.headers.authorization]);
    response.end(seen.length === 1 ? '{"charged":2}' : '{"charged":"two"}');
  });
  expect(await caller.call("registerGateway", { body })).toEqual({ charged: 2 });
  expect(seen).toEqual([["POST", "/base/v1/gateways", "Bearer t"]]);
  await expect(caller.call("registerGateway", { body })).rejects.toThrow(/charged/);
});

test("the server's refusal comes back with its details", async () => {
  const refusal = new SlipwayError("BUDGET_EXCEEDED", "No room.", { waiting: true });
  const { caller } = await callerOf((_, response) => response.writeHead(refusal.status).end(JSON.stringify(refusal)));
  await expect(caller.call("registerGateway", { body })).rejects.toMatchObject({ code: "BUDGET_EXCEEDED", message: "No room.", details: { waiting: true } });
});

test("a kept connection that the server closes just then is no failure: the call goes out again on another", async () => {
  const sockets = new Set<unknown>();
  let breaks = 0;
  const { caller } = await callerOf((request, response) => {
    if (sockets.has(request.socket) && breaks > 0) {
      breaks -= 1;
      request.resume().once("end", () => request.socket.end());
    } else response.end('{"charged":0}');
    sockets.add(request.socket);
  });
  await caller.call("registerGateway", { body });
  // The connection is free a turn after its answer.
  await nextTurn();
  breaks = 1;
  expect(await caller.call("registerGateway", { body })).toEqual({ charged: 0 });
  expect(breaks).toBe(0);
  expect(sockets.size).toBe(2);
});

test("a server that is not there is SERVER_UNAVAILABLE, with the reason", async () => {
  const { caller, server } = await callerOf(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  await expect(caller.call("registerGateway", { body })).rejects.toMatchObject({ code: "SERVER_UNAVAILABLE", cause: { code: "ECONNREFUSED" } });
});

test("what is under way when it is destroyed is broken off", async () => {
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const { caller } = await callerOf(() => resolve());
  const calling = expect(caller.call("registerGateway", { body })).rejects.toMatchObject({ code: "SERVER_UNAVAILABLE" });
  await arrived;
  caller.destroy();
  await calling;
});
