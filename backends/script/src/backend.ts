import { defineBackend } from "@slipway/backend-sdk/define-backend";
import { execa } from "execa";
import { z } from "zod";
import { runTurn } from "./run-turn.ts";
import { scriptSchema } from "./script.ts";

const config = z.strictObject({ script: scriptSchema });

/** A backend with no model: it does what a script says, the same every time. For tests, demos and dry runs. */
export const scriptBackend = defineBackend({
  name: "script",
  version: "1.0.0",
  summary: "Runs a scripted list of steps instead of a model; for tests, demos and dry runs.",
  capabilities: { resume: true, usage: true, plan: true, model: false, steer: true, readOnly: true, images: true },
  config,
  secrets: [{ name: "SCRIPT_SECRET", required: false, hint: "Set it to see that secrets reach `shell` steps and are masked in what they print." }],
  async probe({ env, signal }) {
    const { exitCode, failed } = await execa("sh", ["-c", "exit 0"], { env, extendEnv: false, cancelSignal: signal, reject: false });
    const tried = "sh -c 'exit 0'";
    if (!failed) return { ok: true, tried, found: "a shell for `shell` steps" };
    return { ok: false, tried, found: exitCode === undefined ? "no shell named sh on PATH" : `exit ${exitCode}`, remedy: "Install a POSIX shell as `sh`." };
  },
  /** The first process takes the longest to start. */
  async warmUp({ env, home, signal }) {
    const silent = { emit: () => {}, log: () => {} };
    const script = config.parse({ script: { turns: [{ steps: [{ shell: "exit 0" }] }] } });
    await runTurn({ prompt: "", turn: 1, workspace: home, home, env, secrets: {}, config: script, signal, ...silent });
  },
  turn: runTurn,
});
