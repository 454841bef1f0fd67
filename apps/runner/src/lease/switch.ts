import { Worker } from "node:worker_threads";

/** What the thread of the dead-man's switch is given. */
export interface SwitchSettings {
  readonly leaseFile: string;
  readonly ownNamespace: boolean;
}

/**
 * Starts the dead-man's switch: a thread of its own that ends the whole sandbox when the lease's deadline has passed. A thread, because a backend that blocks
 * the main one must not stop it. It runs as long as the process.
 */
export function startSwitch(settings: SwitchSettings): void {
  const thread = new Worker(new URL("./switch-thread.ts", import.meta.url), { workerData: settings });
  // Without its switch a runner must not run.
  thread.on("error", (error) => {
    process.stderr.write(`the dead-man's switch failed: ${error.message}\n`);
    process.kill(process.pid, "SIGKILL");
  });
}
