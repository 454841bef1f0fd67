import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import { createProcTable } from "./proc-table.ts";
import { familyOf, type ProcessTable } from "./process-table.ts";
import { createPsTable } from "./ps-table.ts";

const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    try {
      // All of them lead a group of their own.
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // Gone, and its group with it.
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});

let count = 0;
function newLabel(): string {
  count += 1;
  return `SLIPWAY_TEST=${process.pid}.${performance.now()}.${count}`;
}

/** A shell script in a group of its own; `pids` are those that it has printed, one a line. */
async function start(script: string, lines: number, env: Record<string, string> = {}): Promise<{ child: ChildProcess; pid: number; pids: number[] }> {
  const child = spawn("sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "inherit"], env: { PATH: process.env["PATH"], ...env } });
  children.push(child);
  const pids: number[] = [];
  if (lines > 0) {
    for await (const line of createInterface(child.stdout)) {
      pids.push(Number(line));
      if (pids.length === lines) break;
    }
  }
  return { child, pid: child.pid ?? 0, pids };
}

function envOf(label: string): Record<string, string> {
  const [name = "", value = ""] = label.split("=");
  return { [name]: value };
}

const TABLES: ReadonlyArray<readonly [string, () => ProcessTable]> = [
  ...(process.platform === "linux" ? [["/proc", createProcTable] as const] : []),
  ["ps", createPsTable],
];

describe.each(TABLES)("processes by %s", (_name, create) => {
  test("a process is told from a later one with its pid, and from one that is gone", async () => {
    const table = create();
    const { child, pid } = await start("exec sleep 60", 0);
    const mark = table.mark(pid);
    if (!mark) throw new Error("no such process");
    expect(mark.pid).toBe(pid);
    expect([table.isAlive(mark), create().isAlive(mark)]).toEqual([true, true]);
    expect(table.isAlive({ ...mark, startTime: "1" })).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect([table.isAlive(mark), table.mark(pid)]).toEqual([false, undefined]);
  });

  test("a zombie is no live process", async () => {
    const table = create();
    // The shell becomes a sleep, which never asks how its child ended.
    const { pids } = await start("sleep 60 & echo $!; exec sleep 60", 1);
    const [pid = 0] = pids;
    const mark = table.mark(pid);
    if (!mark) throw new Error("no such process");
    process.kill(pid, "SIGKILL");
    // A kernel that has not come round to the signal yet.
    while (create().mark(pid)) await new Promise(setImmediate);
    expect(create().isAlive(mark)).toBe(false);
    expect(table.list("no label").some((entry) => entry.pid === pid)).toBe(false);
  });

  test("a command's name and arguments cannot pass for the columns", async () => {
    const table = create();
    const { pids } = await start(`bash -c 'echo $$; exec -a ") S 1 1 1\n 1 1 1 S Sat Nov 21 04:51:47 2026 x" sleep 60' & wait`, 1);
    const entry = table.list("no label").find(({ pid }) => pid === pids[0]);
    expect(entry).toMatchObject({ pid: pids[0], isLabelled: false });
    expect(table.mark(pids[0] ?? 0)?.startTime).toMatch(/^\d+$/);
  });

  test("a family is what carries the label, shares a group with it, or descends from it, and nobody else", async () => {
    const table = create();
    const label = newLabel();
    // In turn: without the label but a child; without the label and orphaned, in the group still; in a session of its own, with the label.
    const script = `
      env -i sleep 60 & echo $!
      sh -c 'env -i sleep 60 & echo $!'
      sh -c 'setsid sh -c "echo \\$\\$; exec sleep 60" &'
      wait; sleep 60`;
    const { pid, pids } = await start(script, 3, envOf(label));
    const stranger = await start("exec sleep 60", 0, envOf(newLabel()));
    try {
      const found = new Set(familyOf(table.list(label)).map((entry) => entry.pid));
      expect([pid, ...pids].filter((member) => !found.has(member))).toEqual([]);
      expect(found.has(stranger.pid)).toBe(false);
      expect(found.has(process.pid)).toBe(false);
    } finally {
      for (const member of pids) process.kill(member, "SIGKILL");
    }
  });

  test("seeds count where no label shows, and this process never does", async () => {
    const table = create();
    const { pid, pids } = await start("sh -c 'sleep 60 & echo $!'; sleep 60", 1);
    const members = (seeds: Parameters<typeof familyOf>[1]): number[] => familyOf(table.list("no label"), seeds).map((entry) => entry.pid);
    expect(members({})).toEqual([]);
    expect(members({ groups: [pid] })).toEqual(expect.arrayContaining([pid, ...pids]));
    const own = members({ pids: [process.pid] });
    expect(own).toContain(pid);
    expect(own).not.toContain(process.pid);
  });
});
