import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "..");

/** How many files of the AI SDK a fresh process has loaded when it has imported these. */
function sdkFilesOf(...files: string[]): number {
  const code = `
    import { registerHooks } from "node:module";
    let count = 0;
    registerHooks({
      load(url, context, next) {
        if (/node_modules\\/(ai|@ai-sdk)\\//.test(url)) count += 1;
        return next(url, context);
      },
    });
    for (const file of ${JSON.stringify(files.map((file) => join(SRC, file)))}) await import(file);
    console.log(count);
  `;
  return Number(execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", code], { encoding: "utf8" }));
}

test("a worker loads nothing of the AI SDK until a critic is a model", () => {
  expect(sdkFilesOf("job/run-attempt.ts", "job/critics-ready.ts", "job/critics.ts", "daemon/process.ts")).toBe(0);
  expect(sdkFilesOf("critic/model-critic.ts")).toBeGreaterThan(0);
}, 60_000);
