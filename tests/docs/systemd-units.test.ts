import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "scripts/systemd");
const units = (await readdir(folder)).filter((name) => name.endsWith(".service"));

/** Where the units expect a checkout. */
const INSTALLED = "/opt/slipway/";
/** By part, the file that reads its arguments. */
const OPTIONS_OF: Readonly<Record<string, string>> = {
  server: "apps/server/src/main.ts",
  worker: "apps/worker/src/daemon/arguments.ts",
  integrator: "apps/integrator/src/options.ts",
  gateway: "apps/gateway/src/options.ts",
};

type Settings = ReadonlyArray<{ readonly section: string; readonly key: string; readonly value: string }>;

/** systemd.syntax(7), as far as these units use it: sections, assignments, comments on lines of their own. Throws at any other line. */
function parseUnit(text: string): Settings {
  let section = "";
  return text.split("\n").flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const [, name] = /^\[([A-Z][a-z]+)\]$/.exec(line) ?? [];
    if (name !== undefined) {
      section = name;
      return [];
    }
    const [, key, value] = /^([A-Z][A-Za-z]+)=(.*\S)$/.exec(line) ?? [];
    if (section === "" || key === undefined || value === undefined) throw new Error(`line ${index + 1} is no setting: ${line}`);
    return [{ section, key, value }];
  });
}

const valuesOf = (settings: Settings, name: string): string[] => settings.filter(({ key }) => key === name).map(({ value }) => value);

test("a line that is no setting is found", () => {
  expect(() => parseUnit("[Service]\nRestart always\n")).toThrow("line 2 is no setting: Restart always");
  expect(() => parseUnit("Restart=always\n")).toThrow("line 1");
});

describe.each(units)("%s", (name) => {
  let settings: Settings = [];
  beforeAll(async () => {
    settings = parseUnit(await readFile(join(folder, name), "utf8"));
  });

  test("has the sections of a service that starts with the machine and again after a crash", () => {
    expect([...new Set(settings.map(({ section }) => section))]).toEqual(["Unit", "Service", "Install"]);
    expect(valuesOf(settings, "WantedBy")).toEqual(["multi-user.target"]);
    expect(valuesOf(settings, "Restart")[0]).toMatch(/^(always|on-failure)$/);
    expect(valuesOf(settings, "KillMode")).toEqual(["mixed"]);
  });

  test("starts what is in the checkout, with options that it has", async () => {
    const [start = ""] = valuesOf(settings, "ExecStart");
    const files = [...start.matchAll(/\/opt\/slipway\/(\S+)/g)].map(([, path = ""]) => path).filter((path) => !path.startsWith("node_modules/"));
    expect(files).toHaveLength(1);
    for (const path of files) expect(existsSync(join(root, path)), path).toBe(true);
    const [, part] = /apps\/(\w+)\/src/.exec(start) ?? [];
    if (part === undefined) return;
    const source = await readFile(join(root, OPTIONS_OF[part] ?? ""), "utf8");
    const [, words = ""] = start.split("main.ts ");
    for (const [, option] of words.matchAll(/--([a-z-]+)/g))
      expect(source, option).toMatch(new RegExp(`(^|\\W)"?${option}"?: (\\{|text\\b)|[{ ]${option}: text`, "m"));
  });

  test("a worker is drained on stop, in more time than a job has", () => {
    if (!/^slipway(-worker)?\.service$/.test(name)) return;
    const drains = [...valuesOf(settings, "KillSignal"), ...valuesOf(settings, "ExecStop")];
    expect(drains.some((value) => value === "SIGUSR1" || value.endsWith("slipway drain"))).toBe(true);
    expect(valuesOf(settings, "TimeoutStopSec")).toEqual(["35min"]);
    expect(valuesOf(settings, "Delegate")).toEqual(["yes"]);
  });
});

/** Where systemd is not there, the syntax check above is all. */
const analyze = await execa("systemd-analyze", ["--version"], { reject: false });
if (analyze.exitCode === 0) describe("systemd-analyze verify", verifySuite);
else console.log("left out: systemd-analyze on the units, systemd is not there");

function verifySuite(): void {
  let place = "";
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), "slipway-units-"));
    // systemd looks for the programs; they are found in a checkout that stands elsewhere.
    for (const name of units) {
      const text = (await readFile(join(folder, name), "utf8")).replaceAll(INSTALLED, `${place}/`);
      await writeFile(join(place, name), text);
      for (const [program] of text.matchAll(new RegExp(`${place}/(scripts/slipway|node_modules/\\S+)`, "g"))) {
        await mkdir(dirname(program), { recursive: true });
        await writeFile(program, "");
        await chmod(program, 0o755);
      }
    }
  });
  afterAll(async () => await rm(place, { recursive: true }));

  test.each(units)("%s", async (name) => {
    const { all, exitCode } = await execa("systemd-analyze", ["verify", "--man=no", join(place, name)], { reject: false, all: true });
    // The one key that an older systemd does not know, and passes over.
    expect(all.split("\n").filter((line) => line !== "" && !line.includes("'DelegateSubgroup'"))).toEqual([]);
    expect(exitCode).toBe(0);
  });
}
