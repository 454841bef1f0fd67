import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { endMarked, isAlive, markProcess, watchProcesses } from "./processes.ts";

test("a process is told from a later one with its pid, and from its zombie", async () => {
  const child = spawn("sleep", ["60"]);
  const mark = markProcess(child.pid ?? 0);
  if (!mark) throw new Error("no such process");
  expect(isAlive(mark)).toBe(true);
  expect(isAlive({ ...mark, startTime: "1" })).toBe(false);
  await endMarked([{ ...mark, startTime: "1" }]);
  expect(isAlive(mark)).toBe(true);
  const gone = new Promise<void>((resolve) => {
    const watch = watchProcesses([mark], resolve);
    child.once("exit", () => watch.look());
  });
  await endMarked([mark]);
  expect(isAlive(mark)).toBe(false);
  await gone;
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
});

test("a watch that was stopped says nothing more, also when it is made to look", async () => {
  const child = spawn("sleep", ["60"]);
  const mark = markProcess(child.pid ?? 0);
  if (!mark) throw new Error("no such process");
  let calls = 0;
  const watch = watchProcesses([mark], () => {
    calls += 1;
  });
  watch.stop();
  child.kill("SIGKILL");
  await once(child, "exit");
  watch.look();
  expect(calls).toBe(0);
});

test("a command name cannot pretend to be a process's start time", async () => {
  const child = spawn("bash", ["-c", "exec -a ') S 1 1 1' sleep 60"]);
  const mark = markProcess(child.pid ?? 0);
  expect(mark?.startTime).toMatch(/^\d+$/);
  child.kill("SIGKILL");
  await once(child, "exit");
});
