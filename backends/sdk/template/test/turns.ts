import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { createTestBench } from "@slipway/backend-sdk/test-kit";
import { backend } from "../src/backend.ts";

test("a turn changes the workspace, and the next one goes on with the same conversation", async () => {
  await using bench = await createTestBench({ "README.md": "# Ship\n" });
  const first = await bench.runTurn(backend, { config: {}, prompt: "write hull.txt: oak" });
  assert.deepEqual(first.result, { status: "done", finalText: "Wrote hull.txt." });
  assert.equal(await readFile(join(bench.workspace, "hull.txt"), "utf8"), "oak\n");
  const second = await bench.runTurn(backend, { config: {}, prompt: "write hull.txt: steel", turn: 2 });
  assert.equal(second.events.find(({ kind }) => kind === "message")?.kind, "message");
  assert.match(JSON.stringify(second.events), /Task 2 of our conversation/);
});

test("a session that is lost is told, and a program that is not there ends the turn with its code", async () => {
  await using bench = await createTestBench();
  const lost = await bench.runTurn(backend, { config: {}, prompt: "write a.txt: a", turn: 2 });
  assert.match(JSON.stringify(lost.events), /a new one begins/);
  const { result } = await bench.runTurn(backend, { config: { command: "no-such-agent" } });
  assert.equal(result.status === "failed" && result.failure.code, "BACKEND_NOT_INSTALLED");
});
