import test from "node:test";
import { conformanceCases } from "@slipway/backend-sdk/conformance";
import { backend } from "../src/backend.ts";

/** What every backend must keep, whatever its agent is. */
const cases = conformanceCases(backend, {
  ok: { config: {}, prompt: "write hello.txt: hello" },
  endless: { config: {}, prompt: "wait" },
  failing: { config: {}, prompt: "fail: 401 bad key", code: "BACKEND_AUTH" },
  wrongConfigs: [
    { config: { comand: "agent" }, field: "comand" },
    { config: { command: 1 }, field: "command" },
  ],
});
for (const { name, run } of cases) test(name, run);
