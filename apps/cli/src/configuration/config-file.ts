import { readFile } from "node:fs/promises";
import { SlipwayError } from "@slipway/protocol/errors";

/** The text of a configuration file; undefined where there is none and `variable` does not name it. INVALID_CONFIG where it cannot be read. */
export async function configText(what: string, file: string, variable: string): Promise<string | undefined> {
  const isNamed = Boolean(process.env[variable]);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A data folder that cannot be is told of by who makes it.
    if ((code === "ENOENT" || code === "ENOTDIR") && !isNamed) return undefined;
    throw new SlipwayError(
      "INVALID_CONFIG",
      `${what} ${file} cannot be read: ${message}.`,
      { hint: isNamed ? `Mend the path in ${variable}, or unset it.` : "Mend the file's permissions.", file },
      { cause: error },
    );
  }
}
