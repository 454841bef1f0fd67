import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { takeFolderLock } from "./folder-lock.ts";

let data: string;
const children: ChildProcess[] = [];
const lock = (): { path: string; part: string; data: string } => ({ path: join(data, "folder.lock"), part: "integrator", data });

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-lock-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  await rm(data, { recursive: true });
});

/** Another process that takes the lock and keeps it; resolves when it has it. */
async function holder(): Promise<ChildProcess> {
  const module = fileURLToPath(new URL("folder-lock.ts", import.meta.url));
  const program = `
    import { takeFolderLock } from ${JSON.stringify(module)};
    globalThis.lock = takeFolderLock(${JSON.stringify(lock())});
    process.send("held");
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  children.push(child);
  expect(await once(child, "message")).toEqual(["held", undefined]);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

test("a second process is refused with the first one's pid, and gets the folder once the first was killed", async () => {
  const first = await holder();
  expect(() => takeFolderLock(lock())).toThrow(
    expect.objectContaining({
      code: "DATA_FOLDER_IN_USE",
      message: `Another integrator (process ${first.pid}) already uses the data folder ${data}.`,
      details: expect.objectContaining({ pid: first.pid, hint: expect.stringContaining(`kill ${first.pid}`) }),
    }),
  );
  await kill(first);
  using _mine = takeFolderLock(lock());
  expect(Number(await readFile(join(data, "folder.lock.pid"), "utf8"))).toBe(process.pid);
});

test("one process cannot take it twice, and can again after it gave it back", () => {
  const first = takeFolderLock(lock());
  expect(() => takeFolderLock(lock())).toThrow(expect.objectContaining({ code: "DATA_FOLDER_IN_USE" }));
  first[Symbol.dispose]();
  takeFolderLock(lock())[Symbol.dispose]();
});

test("a pid that was left behind is only words", async () => {
  await writeFile(join(data, "folder.lock.pid"), `${process.pid}\n`);
  takeFolderLock(lock())[Symbol.dispose]();
});
