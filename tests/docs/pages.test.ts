import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { slipwayProgram } from "../../apps/cli/src/program.ts";
import { unknownCommands } from "../../scripts/docs/command-mentions.ts";
import { brokenLinks } from "../../scripts/docs/links.ts";
import { anchorsOf, parsePage } from "../../scripts/docs/markdown.ts";
import { runnableBlocks, runPage } from "../../scripts/docs/runnable.ts";

const FENCE = "```";

function block(info: string, ...lines: string[]): string {
  return [FENCE + info, ...lines, FENCE, ""].join("\n");
}

test("fences hold their text, an indented one too, and nothing inside them is prose", () => {
  const page = parsePage("a.md", ["# One", block("sh", "# no heading"), "  ~~~yaml", "  a: `b`", "    c: 1", "  ~~~", "`code`"].join("\n"));
  expect(page.fences).toEqual([
    { info: "sh", text: "# no heading", line: 2 },
    { info: "yaml", text: "a: `b`\n  c: 1", line: 6 },
  ]);
  expect([...anchorsOf(page)]).toEqual(["one"]);
});

test("headings have the names that GitHub gives them", () => {
  const page = parsePage(
    "a.md",
    ["## The server's `--host`", "## Twice", "## Twice", "### [Linked](x.md) words, and more", "## snake_case & dash-es"].join("\n"),
  );
  expect([...anchorsOf(page)]).toEqual(["the-servers---host", "twice", "twice-1", "linked-words-and-more", "snake_case--dash-es"]);
});

describe("links", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-pages-"));
    await writeFile(join(folder, "other.md"), "# Other page\n");
    await writeFile(join(folder, "data.json"), "{}\n");
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  test.each([
    ["a file", "[x](other.md)", null],
    ["a heading of another page", "[x](other.md#other-page)", null],
    ["a heading of its own", "# Here\n[x](#here)", null],
    ["a folder", "[x](.)", null],
    ["the web, which is not tried", "[x](https://example.org/nothing)", null],
    ["code that looks like a link", "`[x](gone.md)`", null],
    ["a file that is not there", "\n[x](gone.md)", "page.md:2: gone.md: there is no such file"],
    ["an image that is not there", "![x](gone.png)", "page.md:1: gone.png: there is no such file"],
    ["a heading that is not there", "[x](other.md#gone)", "page.md:1: other.md#gone: no heading has this name; there are other-page"],
    ["a heading of what has none", "[x](data.json#a)", "page.md:1: data.json#a: only pages have headings"],
  ])("to %s", async (_, text, problem) => {
    const found = await brokenLinks(parsePage(join(folder, "page.md"), text));
    expect(found.map((line) => line.replace(`${folder}/`, ""))).toEqual(problem === null ? [] : [problem]);
  });
});

describe("commands", () => {
  const program = slipwayProgram();
  const problems = (text: string): string[] => unknownCommands(program, parsePage("p.md", text));

  test.each([
    ["in prose", "Type `slipway run --budget-usd 5 TASK` or `slipway jobs`."],
    ["in a block, over two lines, in quotes and behind a comment", block("sh", 'slipway run "a --wrong word" \\', "  --model x # --wrong")],
    ["with a variable before it, in a pipe and with a path", block("sh runnable", "A=1 slipway jobs --json | slipway version && ./scripts/slipway doctor")],
    ["with a placeholder", "`slipway COMMAND --whatever`, `slipway …`, `slipway`"],
    ["of something else", `${block("yaml", "slipway: frob")}\n\`npm run slipway-x\``],
    ["an alias", block("sh", "alias slipway=/path/to/slipway/scripts/slipway")],
  ])("that are there: %s", (_, text) => expect(problems(text)).toEqual([]));

  test.each([
    ["a command", "x\n`slipway frob`", ["p.md:2: slipway has no command `frob`"]],
    ["an option", block("sh", "cd x", "slipway jobs \\", "  --frob"), ["p.md:3: `slipway jobs` has no option `--frob`"]],
    ["an option of another command", "`slipway version --budget-usd 5`", ["p.md:1: `slipway version` has no option `--budget-usd`"]],
    ["one behind a pipe", block("bash", "true | slipway frob"), ["p.md:2: slipway has no command `frob`"]],
    ["a global option", "`slipway --frob`", ["p.md:1: `slipway` has no option `--frob`"]],
  ])("that are not there: %s", (_, text, expected) => expect(problems(text)).toEqual(expected));
});

describe("runnable blocks", () => {
  const slipway = "/bin/echo";
  const run = async (text: string, limitMs = 20_000): Promise<string[]> => await runPage(parsePage("p.md", text), { slipway, limitMs });

  test("run in order in one shell, in a home of their own with slipway on PATH", async () => {
    const first = block(
      "sh runnable",
      'test "$HOME/work" = "$PWD"',
      'test "$SLIPWAY_DATA" != ""',
      "mkdir inner && cd inner",
      "git init --quiet && git commit --quiet --allow-empty -m one",
    );
    const second = block("sh runnable", "slipway hello", "git log --oneline") + block("text expected", "hello", "… one");
    expect(await run(first + block("sh", "exit 1") + second)).toEqual([]);
  });

  test("that fail are told with their line and what they printed", async () => {
    const found = await run(block("sh runnable", "echo fine") + block("sh runnable", "echo words", "false", "echo never"));
    expect(found).toEqual([expect.stringMatching(/^p\.md:4: the block ended with exit code 1:\nwords$/)]);
  });

  test("whose output is not as promised are told, the others not", async () => {
    const text = block("sh runnable", "echo a; echo b") + block("text expected", "b", "a") + block("sh runnable", "echo c") + block("text expected", "c");
    expect(await run(text)).toEqual(['p.md:1: the output lacks "a":\na\nb']);
  });

  test("that never end are ended, with what they started", async () => {
    const found = await run(block("sh runnable", "echo begun", "tail -f /dev/null & tail -f /dev/null"), 300);
    expect(found).toEqual(["p.md:1: the block ended with no end after 0.3 s:\nbegun"]);
  });

  test("promise the output of a block that is run, or of nothing", () => {
    expect(() => runnableBlocks(parsePage("p.md", block("sh", "true") + block("text expected", "x")))).toThrow(
      "p.md:4: there is no runnable block before this output",
    );
  });
});
