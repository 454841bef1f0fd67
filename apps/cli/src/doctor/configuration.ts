import { toSlipwayError } from "@slipway/protocol/errors";
import { INSTALLATION_CONFIG_FILE } from "@slipway/protocol/installation-config";
import { installationConfigFile, readInstallationFile, withVariables } from "../configuration/installation.ts";
import { SETTINGS } from "../configuration/settings.ts";
import { failureText } from "../terminal/failure-text.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";

const GROUP = "configuration";
const LOST = "`slipway up`, `slipway run` and whatever else starts a part end with INVALID_CONFIG";

/** The installation's file, and the variables that win over it. */
export async function checkConfiguration({ data }: DoctorOptions): Promise<Check[]> {
  const file = installationConfigFile(data);
  const tried = process.env["SLIPWAY_CONFIG"] ? `${file}, which SLIPWAY_CONFIG names` : file;
  try {
    const { isThere, value } = await readInstallationFile(data);
    const found = isThere ? "sound" : "not there: the defaults hold";
    const environment = checkVariables(value);
    const { checkCertificates } = await import("./certificates.ts");
    const certificates = environment.ok ? await checkCertificates(GROUP, withVariables(value, SETTINGS).extraCaCerts) : [];
    return [check(GROUP, INSTALLATION_CONFIG_FILE, true, { tried, found, lost: LOST, remedy: "" }), environment, ...certificates];
  } catch (error) {
    const failure = toSlipwayError(error);
    const { message, problems } = failureText(failure);
    return [
      check(GROUP, INSTALLATION_CONFIG_FILE, false, { tried, found: [message, ...problems].join("\n"), lost: LOST, remedy: failure.hint, required: true }),
    ];
  }
}

function checkVariables(value: Parameters<typeof withVariables>[0]): Check {
  const set = SETTINGS.map(({ variable }) => variable).filter((variable) => process.env[variable]);
  const tried = "the environment's settings, which win over the file";
  try {
    withVariables(value, SETTINGS);
    return check(GROUP, "environment", true, { tried, found: set.length === 0 ? "sets nothing" : `sets ${set.join(", ")}`, lost: LOST, remedy: "" });
  } catch (error) {
    const { message, hint } = toSlipwayError(error);
    return check(GROUP, "environment", false, { tried, found: message, lost: "commands that read it end with INVALID_REQUEST", remedy: hint, required: true });
  }
}

/** A group that only a sound configuration can tell of; its own check says what is wrong there. */
export async function whereConfigured(group: string, options: DoctorOptions, run: (options: DoctorOptions) => Promise<Check[]>): Promise<Check[]> {
  const checks = await checkConfiguration(options);
  if (checks.every(({ ok }) => ok)) return await run(options);
  const found = "not known: the configuration is wrong";
  return [check(group, "probe", false, { tried: "nothing yet", found, lost: "what this group would tell", remedy: "slipway config check" })];
}
