import { UTF8_LOCALE } from "./locale.ts";
import { bundleEnvironment } from "./network-environment.ts";
import type { Sandbox } from "./sandbox.ts";

/** What every turn has in its environment in such a sandbox, whatever its job. */
export function turnEnvironment(inside: Sandbox["inside"]): Record<string, string> {
  return { ...sandboxEnvironment(inside), PATH: inside.agentPath ?? inside.path };
}

/** What everything has in its environment that runs in such a sandbox, with the certificates of the installation. */
export function sandboxEnvironment(inside: Sandbox["inside"]): Record<string, string> {
  return {
    ...{ PATH: inside.path, HOME: inside.home, LANG: UTF8_LOCALE, TERM: "dumb", CI: "1" },
    ...(inside.certificates === undefined ? {} : bundleEnvironment(inside.certificates)),
  };
}
