import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobDetail } from "@slipway/protocol/job";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { noisePng } from "../support/png.ts";
import { Playground } from "./slipway.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const SHOT = noisePng(40, 30, "shot");

let ground: Playground;
let root: string;
let script: string[];
beforeAll(async () => {
  ground = await Playground.make();
  root = await ground.repository("ship");
  script = await ground.script("look", [{ images: true }, { write: { path: "hull.txt", content: "red\n" } }]);
  await writeFile(join(root, "shot.png"), SHOT);
  await writeFile(join(root, "..", "button.jpeg"), noisePng(4, 3, "button"));
});
afterAll(async () => await ground[Symbol.asyncDispose]());

const refused = async (...files: string[]) =>
  await ground.slipway(root, "run", "Like this", ...script, "--sandbox", "none", ...files.flatMap((file) => ["--image", file]));

test("what is no image is refused by its name, before anything is started or sent", async () => {
  await mkdir(join(root, "folder.png"));
  await writeFile(join(root, "page.png"), "<svg></svg>");
  await writeFile(join(root, "empty.png"), "");
  await writeFile(join(root, "film.png"), Buffer.concat([SHOT, Buffer.alloc(5 * 1_048_576)]));
  const large: string[] = [];
  for (let index = 0; index < 5; index += 1) {
    large.push(`large-${index}.png`);
    await writeFile(join(root, `large-${index}.png`), Buffer.concat([SHOT, Buffer.alloc(4_500_000, index)]));
  }
  for (const [files, words] of [
    [["none.png"], /error INVALID_REQUEST: --image: expected a file that can be read; found "none\.png".*There is no such file/s],
    [["shot.png", "folder.png"], /--image: expected a file; found "folder\.png"/],
    [["page.png"], /--image: expected a PNG, JPEG, GIF or WebP image; found "page\.png".*by its content/s],
    [["empty.png"], /found "empty\.png"\..*empty/s],
    [["film.png"], /--image: expected at most 5(\.0)? MiB for one image; found "film\.png".*5(\.0)? MiB/s],
    [large, /--image: expected at most 20(\.0)? MiB in all/],
    [Array.from({ length: 11 }, () => "shot.png"), /--image: expected at most 10 images; found "11 images"/],
  ] as const) {
    const { code, stderr, stdout } = await refused(...files);
    expect(stderr).toMatch(words);
    expect([code, stdout]).toEqual([2, ""]);
  }
});

test("images go with the task; the job tells of them and gives them back, and a new try has them too", async () => {
  const up = ground.start(ground.folder, "up", "--port", "0", "--sandbox", "none");
  await up.says("slipway jobs");
  const run = await refused("shot.png", "../button.jpeg");
  expect([run.code, run.stderr]).toEqual([0, expect.anything()]);
  const { jobs } = JSON.parse((await ground.slipway(root, "jobs", "--json")).stdout);
  const number = String(jobs[0].number);
  const { job } = JSON.parse((await ground.slipway(root, "show", number, "--json")).stdout) as JobDetail;
  expect(job.images).toMatchObject([
    { name: "shot.png", type: "image/png", bytes: SHOT.length },
    { name: "button.jpeg", type: "image/png" },
  ]);
  const shown = (await ground.slipway(root, "show", number)).stdout;
  expect(shown).toMatch(/^images\n {2}1 {2}shot\.png {2}image\/png {2}[\d.]+ KiB\n {2}2 {2}button\.jpeg/m);
  expect(shown).toContain(`shot.png: image/png, ${SHOT.length} bytes`);
  const main = join(import.meta.dirname, "../../apps/cli/src/main.ts");
  const bytes = await execa(process.execPath, [main, "show", number, "--image", "1"], {
    cwd: root,
    env: ground.environment,
    extendEnv: false,
    encoding: "buffer",
  });
  expect(Buffer.from(bytes.stdout)).toEqual(SHOT);
  const none = await ground.slipway(root, "show", number, "--image", "3");
  expect([none.code, none.stderr]).not.toEqual([0, ""]);
  expect(none.stderr).toMatch(/^error NOT_FOUND: Job \d+ has no image 3, but 2/);
  const again = await ground.slipway(root, "retry", number, "--json");
  expect(JSON.parse(again.stdout).job.images).toEqual(job.images);
});
