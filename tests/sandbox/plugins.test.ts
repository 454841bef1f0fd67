import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parrot, pluginFolder } from "../support/plugin-folder.ts";
import { openBench, play, until } from "./bench.ts";

describe.each(["bwrap", "none"] as const)("backends of others in %s", (kind) => {
  test("one that is installed and one that is linked warm up ahead of the job and do its turn", async () => {
    await using plugins = await pluginFolder({
      "slipway-backend-parrot": { backends: { parrot: "./dist/backend.js" }, files: { "dist/backend.js": parrot("parrot") } },
      "@birds/budgie": { backends: { budgie: "./backend.js" }, files: { "backend.js": parrot("budgie") }, linked: true },
    });
    await using bench = await openBench(kind, { backendsFolder: plugins.path });
    const sandbox = await bench.start();
    const warm = join(sandbox.record.spec.home, "warm");
    await until(() => existsSync(warm) && readFileSync(warm, "utf8") === process.env["PATH"]);
    for (const [backend, config, finalText] of [
      ["parrot", {}, "hello, warm"],
      ["budgie", { loud: true }, "HELLO, warm"],
    ] as const) {
      const { result } = await play(sandbox, [], { request: { turnId: backend, backend, config, prompt: "hello" } });
      expect(result).toMatchObject({ status: "done", finalText });
    }
    expect((await play(sandbox, [{ print: "still here" }])).result).toMatchObject({ status: "done", finalText: "still here" });
  });

  test("one that cannot be loaded fails its own turn with the reason, and no other", async () => {
    await using plugins = await pluginFolder({
      broken: { backends: { broken: "./backend.js" }, files: { "backend.js": 'throw new Error("no wings")' } },
      wrong: { backends: { wrong: "./backend.js" }, files: { "backend.js": parrot("other") } },
    });
    await using bench = await openBench(kind, { backendsFolder: plugins.path });
    const sandbox = await bench.start();
    const turn = async (backend: string) => (await play(sandbox, [], { request: { turnId: backend, backend, config: {} } })).result;
    expect(await turn("broken")).toMatchObject({ status: "failed", failure: { code: "BACKEND_BROKEN", message: expect.stringContaining("no wings") } });
    expect(await turn("wrong")).toMatchObject({ status: "failed", failure: { code: "BACKEND_BROKEN", details: { package: "wrong" } } });
    expect((await play(sandbox, [{ print: "still here" }])).result).toMatchObject({ status: "done" });
  });
});
