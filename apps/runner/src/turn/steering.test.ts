import type { AgentEvent } from "@slipway/protocol/events";
import { expect, test } from "vitest";
import { Steering } from "./steering.ts";

const said = (messageId: string, text = messageId) => ({ messageId, text });

test("messages come in order, each once, and show when they are taken", async () => {
  const events: AgentEvent[] = [];
  const steering = new Steering();
  const messages = steering.messages((event) => events.push(event));
  const first = messages.next();
  steering.push(said("a"));
  steering.push(said("a"));
  steering.push(said("b"));
  expect((await first).value).toBe("a");
  expect(events).toEqual([{ kind: "message", data: { role: "user", text: "a" } }]);
  expect((await messages.next()).value).toBe("b");
  const last = messages.next();
  expect(steering.end()).toBe(0);
  expect((await last).done).toBe(true);
});

test("what nobody took is counted at the end, and what comes behind it is nothing", async () => {
  const steering = new Steering();
  steering.push(said("a"));
  expect(steering.end()).toBe(1);
  steering.push(said("b"));
  expect(steering.end()).toBe(1);
  expect(await steering.messages(() => {}).next()).toMatchObject({ done: true });
});
