import type { ValueOrigin } from "@slipway/protocol/effective-config";
import { type InstallationFile, readInstallationFile } from "./installation.ts";
import { isOfJobs, SETTINGS, type Setting } from "./settings.ts";

/** Where the values come from that a server is started with, for it to tell: it reads no file itself, and takes all as flags. */
export async function serverOrigins(data: string): Promise<ValueOrigin[]> {
  const file = await readInstallationFile(data);
  const own = SETTINGS.filter(({ path }) => ["logLevel", "extraCaCerts", "server", "jobs"].includes(path[0] ?? ""));
  return own.flatMap((setting) => originOf(setting, file) ?? []);
}

function originOf(setting: Setting, { file, placeOf }: InstallationFile): ValueOrigin | undefined {
  const key = setting.path.join(".");
  // The variables of jobs hold where a job is submitted, and not for the server.
  if (!isOfJobs(setting) && process.env[setting.variable]) return { key, from: setting.variable };
  const place = placeOf(setting.path);
  return place && { key, from: `${file}:${place.line}` };
}
