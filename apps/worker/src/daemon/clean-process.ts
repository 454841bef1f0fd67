import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { cleanWorker } from "./clean.ts";

/** `apps/worker clean --data DIR`: cleans up behind a killed worker and prints what it did; an error as `error CODE: message`. */
export async function runClean(args: string[]): Promise<void> {
  try {
    const { data } = parseArgs({ args, options: { data: { type: "string" } } }).values;
    if (!data) throw new SlipwayError("INVALID_REQUEST", "--data is missing.");
    process.stdout.write(`${JSON.stringify(await cleanWorker(resolve(data)))}\n`);
  } catch (error) {
    const { code, message } = toSlipwayError(error);
    process.stderr.write(`error ${code}: ${message}\n`);
    process.exitCode = 1;
  }
}
