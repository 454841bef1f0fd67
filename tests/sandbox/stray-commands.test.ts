import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { commandLabel } from "../../apps/worker/src/sandbox/bwrap/stray-commands.ts";
import { never, openBench, shell, until } from "./bench.ts";
import { processesWith } from "./live-processes.ts";

test("what bubblewrap leaves of a command, where its worker was killed while it was being started, goes at the next start", async () => {
  await using bench = await openBench("bwrap");
  await using neighbours = await openBench("bwrap");
  await using other = await neighbours.start();
  const [mine, theirs] = [`7${process.pid}.5`, `7${process.pid}.6`];
  const running = other.run(shell(`sleep ${theirs}`), never());
  // The bench ends it.
  running.catch(() => {});
  await until(() => processesWith(theirs).length > 0);
  // Held where it would wait for its parent's word, and never gets it.
  const args = ["--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/", "--block-fd", "3", "--json-status-fd", "4", "--", "sleep", mine];
  const env = { PATH: process.env["PATH"], ...commandLabel(bench.runtimeFolder) };
  const parent = spawn("bwrap", args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env });
  const status = parent.stdio[4];
  if (!status) throw new Error("bwrap has no pipe for its status");
  const child = Number(/"child-pid": (\d+)/.exec(String((await once(status, "data"))[0]))?.[1]);
  const gone = once(parent, "exit");
  parent.kill("SIGKILL");
  await gone;
  expect(processesWith(mine)).toEqual([child]);
  await bench.provider.removeStrays?.(new Set());
  expect(processesWith(mine)).toEqual([]);
  // Another worker's command runs on.
  expect(processesWith(theirs).length).toBeGreaterThan(0);
});
