import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { ended, submitScript } from "../support/jobs.ts";
import { makeRepository } from "../support/repository.ts";
import { Stack } from "../support/stack.ts";

const run = promisify(execFile);
const cleanUps: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test("two servers on one data folder: the second refuses to start, and says what to do", async () => {
  const stack = await Stack.start();
  cleanUps.push(() => stack[Symbol.asyncDispose]());
  const main = join(import.meta.dirname, "..", "..", "apps", "server", "src", "main.ts");
  const second = spawn(process.execPath, [main, "--data", stack.data], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  second.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(second, "exit");
  expect(code).not.toBe(0);
  expect(said).toContain("DATA_FOLDER_IN_USE");
  expect(said).toContain(String(stack.pid("server")));
  expect(await (await stack.client()).call("health", {})).toMatchObject({ ok: true });
});

test.runIf(process.getuid?.() === 0 && process.platform === "linux")(
  "a full disk under the data folder: a clear error, nothing corrupted, and work goes on when there is room",
  async () => {
    const data = await mkdtemp(join(tmpdir(), "slipway-full-"));
    await run("mount", ["-t", "tmpfs", "-o", "size=600m,mode=700", "slipway-test", data]);
    cleanUps.push(async () => {
      await run("umount", [data]);
      await rm(data, { recursive: true });
    });
    const stack = await Stack.start({ data, slots: 1, verifySlots: 1 });
    cleanUps.push(() => stack[Symbol.asyncDispose]());
    const repository = await makeRepository({ "a.txt": "a\n" });
    cleanUps.push(() => repository[Symbol.asyncDispose]());
    const client = await stack.client();
    await repository.register(client, "sample");
    const before = await ended(client, await submitScript(client, "sample", [[{ write: { path: "b.txt", content: "b\n" } }]], { target: "before" }));
    expect(before.job.state, JSON.stringify(before.job.failure)).toBe("done");

    const ballast = join(data, "ballast");
    await run("sh", ["-c", `cat /dev/zero > ${ballast} 2>/dev/null || true`]);
    const refused = await submitScript(client, "sample", [[{ write: { path: "c.txt", content: "c".repeat(20_000) } }]], {
      target: "full",
      task: "x".repeat(90_000),
    }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: "DISK_FULL" });
    expect((await client.call("getJob", { params: { job: before.job.id } })).job).toEqual(before.job);

    await rm(ballast);
    await writeFile(join(data, "room"), "");
    const after = await ended(client, await submitScript(client, "sample", [[{ write: { path: "d.txt", content: "d\n" } }]], { target: "after" }));
    expect(after.job.state, JSON.stringify(after.job.failure)).toBe("done");
    const check = await run(
      process.execPath,
      [
        "-e",
        "const D=require('better-sqlite3');console.log(new D(process.argv[1],{readonly:true}).pragma('integrity_check',{simple:true}))",
        join(data, "server", "slipway.db"),
      ],
      {
        cwd: join(import.meta.dirname, "..", "..", "apps", "server"),
      },
    );
    expect(check.stdout.trim()).toBe("ok");
  },
  90_000,
);
