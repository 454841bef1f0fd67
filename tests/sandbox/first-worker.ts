import { createSandboxProvider } from "../../apps/worker/src/sandbox/create.ts";
import { dockerSettings, INSTALL_ROOT, type Kind, never, request, sandboxKindOf } from "./bench.ts";

/** A worker that starts a turn, tells of every event, acknowledges the first ones only, and is killed in the middle by the test. */
const [kind, runtimeFolder, data = "", spec, steps] = process.argv.slice(2);
const docker = await dockerSettings(kind as Kind, data);
const settings = { runtimeFolder: runtimeFolder ?? "", installRoot: INSTALL_ROOT, maskPaths: [], ...docker };
const provider = createSandboxProvider(sandboxKindOf(kind as Kind), settings);
const sandbox = await provider.start(JSON.parse(spec ?? ""), never());
process.send?.({ record: sandbox.record });
await sandbox.turn(request(sandbox, JSON.parse(steps ?? "")), {
  afterOrdinal: 0,
  signal: never(),
  onEvent: async (ordinal, _at, event) => {
    process.send?.({ ordinal, event });
  },
});
process.send?.({ ended: true });
