import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { ProbeResult } from "@slipway/protocol/manifest";
import type { ProbeContext } from "../backend.ts";
import { findPython } from "./find-python.ts";

const run = promisify(execFile);
const ASK = "import sys, importlib.metadata as m; print(sys.version.split()[0]); print(m.version(sys.argv[1]))";

/** What a probe looks for. */
export interface PythonPackage {
  readonly title: string;
  /** Its name on PyPI. */
  readonly packageName: string;
  readonly testedVersion: string;
  isTested(version: string): boolean;
  readonly pythons: readonly string[];
  readonly installCommand: string;
}

/** Whether there is a Python that has the package, and which release. Does not load it, which would take seconds. */
export async function probePython(wanted: PythonPackage, { env, signal }: ProbeContext): Promise<Omit<ProbeResult, "backend">> {
  const { title, packageName, pythons, installCommand: remedy } = wanted;
  const tried = `${packageName} in ${pythons.join(", ")}`;
  const python = await findPython(pythons, env["PATH"]);
  if (python === undefined) return { ok: false, tried, found: `no ${pythons.join(" and no ")} on PATH`, remedy };
  try {
    const { stdout } = await run(python, ["-E", "-s", "-c", ASK, packageName], { env, signal, killSignal: "SIGKILL" });
    const [pythonVersion, version = ""] = stdout.trim().split("\n");
    const found = `${title} ${version} in ${python} (Python ${pythonVersion})`;
    const asked = { version, program: python };
    if (wanted.isTested(version)) return { ok: true, tried, found, ...asked };
    return { ok: true, tried, ...asked, found: `${found}, which was not tested with Slipway; ${wanted.testedVersion} was (${remedy})` };
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    const said = stderr.includes("PackageNotFoundError") ? `${python} has no ${packageName}` : stderr.trim().split("\n").at(-1) || message;
    return { ok: false, tried, found: said, remedy };
  }
}

/** The packages of a requirements file, each with its exact version. */
export function readRequirements(path: string): string[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
}
