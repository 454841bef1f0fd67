import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { addressFromParent } from "@slipway/process/server-address";
import { SlipwayError } from "@slipway/protocol/errors";
import { integratorSettingsSchema } from "@slipway/protocol/installation-config";

export const USAGE = 'usage: main.ts --data DIR [--url URL] --token-file FILE [--parallel 16] [--signing-key SECRET] [--committer "NAME <MAIL>"]';

export interface Options {
  /** Data folder; the integrator uses `integrator/` in it. */
  readonly data: string;
  readonly url: string;
  readonly token: string;
  /** Completions that are integrated at once, those of one train and of different targets together. */
  readonly parallel: number;
  /** Name of the integrator's secret that what lands is signed with; nothing is signed where it is missing. */
  readonly signingKey?: string;
  /** Who is named as committer of what is signed. */
  readonly committer?: { readonly name: string; readonly email: string };
}

/** Without `--url` the parent tells the address, as soon as the server listens. INVALID_REQUEST names the flag that is wrong. */
export async function readOptions(args: readonly string[]): Promise<Options> {
  const { values } = parse(args);
  const parallel = Number(values.parallel);
  if (!Number.isInteger(parallel) || parallel < 1 || parallel > 64) throw invalid("--parallel: expected a whole number from 1 to 64");
  const data = resolve(required("--data", values.data));
  const tokenFile = required("--token-file", values["token-file"]);
  const url = values.url ?? (await addressFromParent());
  if (!URL.canParse(url)) throw invalid(`--url: ${url} is no URL`);
  // Only now: a server that starts for the first time makes the file before it listens.
  return { data, url, token: readToken(tokenFile), parallel, ...signingOf(values) };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: { data: text, url: text, "token-file": text, parallel: { ...text, default: "16" }, "signing-key": text, committer: text },
    });
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function signingOf(values: ReturnType<typeof parse>["values"]): Pick<Options, "signingKey" | "committer"> {
  const { "signing-key": signingKey, committer } = values;
  const parsed = integratorSettingsSchema.safeParse({ signingKey, committer });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`--${issue?.path[0] === "committer" ? "committer" : "signing-key"}: ${issue?.message}`);
  }
  const [, name = "", email = ""] = /^(.*\S) *<(.*)>$/.exec(committer ?? "") ?? [];
  return { ...(signingKey === undefined ? {} : { signingKey }), ...(committer === undefined ? {} : { committer: { name, email } }) };
}

function required(flag: string, value: string | undefined): string {
  if (value === undefined || value === "") throw invalid(`${flag} is missing`);
  return value;
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw invalid(`--token-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError("INVALID_REQUEST", problem, { hint: USAGE });
}
