import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { SlipwayError } from "@slipway/protocol/errors";
import { endMarked, isAlive, markProcess } from "../../apps/worker/src/sandbox/processes.ts";
import type { Sandbox, SandboxProvider, SandboxRecord, SandboxSpec } from "../../apps/worker/src/sandbox/sandbox.ts";

/** A provider for tests of the daemon: each sandbox is one real process that does nothing, and can be found again by its record. */
export class ProcessProvider implements SandboxProvider {
  readonly kind = "none";
  readonly started: SandboxSpec[] = [];
  readonly attached: string[] = [];
  failStarts = false;

  async probe(): Promise<void> {}

  async start(spec: SandboxSpec): Promise<Sandbox> {
    if (this.failStarts) throw new SlipwayError("SANDBOX_UNAVAILABLE", "no sandboxes today");
    // Its dead-man's switch: it ends with the test's folder, should a killed worker have had no time to write it down.
    const script = 'while [ -d "$0" ]; do sleep 1; done';
    const child: ChildProcess = spawn("sh", ["-c", script, spec.control], { stdio: "ignore", detached: true });
    await once(child, "spawn");
    child.unref();
    const mark = markProcess(child.pid ?? 0);
    if (!mark) throw new Error("the sandbox's process is not there");
    this.started.push(spec);
    return sandboxOf({ spec, kind: "none", nonce: spec.id, processes: [mark] });
  }

  async attach(record: SandboxRecord): Promise<Sandbox | undefined> {
    if (!record.processes.every(isAlive)) return undefined;
    this.attached.push(record.spec.id);
    return sandboxOf(record);
  }

  async reclaim(record: SandboxRecord): Promise<void> {
    await endMarked(record.processes);
  }
}

function sandboxOf(record: SandboxRecord): Sandbox {
  const end = (): Promise<void> => endMarked(record.processes);
  return {
    record,
    inside: { workspace: record.spec.workspace, home: record.spec.home, control: record.spec.control, gateway: undefined, path: process.env["PATH"] ?? "" },
    turn: () => Promise.reject(new SlipwayError("RUNNER_LOST", "there is no runner here")),
    run: () => Promise.reject(new SlipwayError("SANDBOX_UNAVAILABLE", "nothing runs here")),
    memoryEvidence: () => null,
    end,
    [Symbol.asyncDispose]: end,
  };
}
