import { join } from "node:path";
import { provideSecret, readSecretFile, SECRET_VARIABLE_PREFIX } from "@slipway/process/secret-file";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import type { Forges, HostCredentials } from "@slipway/protocol/forge-settings";
import type { Manifest } from "@slipway/protocol/manifest";
import { describeBackends } from "../backends/ask-runner.ts";
import { backendSecretsFolder, readInstallation } from "../configuration/installation.ts";
import { connect } from "../connection.ts";
import { type Check, check, type DoctorOptions } from "./check.ts";

/** The secrets of a manifest, as far as this needs it. */
export type NamedSecrets = Pick<Manifest, "name" | "secrets">;

/** Whether the secrets that the backends of this machine name are where a worker that `slipway up` starts would look for them. */
export async function checkSecrets(options: DoctorOptions): Promise<Check[]> {
  const described = await describeBackends(options.data);
  // Where the runner does not answer, the check of the backends tells of that.
  return await checkSecretsOf(described.ok ? described.value : [], await backendSecretsFolder(options.data), process.env);
}

/** A check for each secret, whichever backends name it. One that no backend requires is never failing because it is missing. */
export async function checkSecretsOf(backends: readonly NamedSecrets[], folder: string, env: NodeJS.ProcessEnv): Promise<Check[]> {
  const named = backends.flatMap(({ name: backend, secrets }) => secrets.map((secret) => ({ ...secret, backend })));
  const names = [...new Set(named.map(({ name }) => name))];
  return await Promise.all(
    names.map(async (name) => {
      const uses = named.filter((secret) => secret.name === name);
      const place = await placeOfSecret(name, folder, env);
      const requiring = uses.filter(({ required }) => required).map(({ backend }) => backend);
      const isOptional = place.state === "missing" && requiring.length === 0;
      return check("backends", `secret ${name}`, place.state === "found" || isOptional, {
        tried: `${join(folder, name)}, ${SECRET_VARIABLE_PREFIX}${name}`,
        found: isOptional ? `not there; ${uses.map(({ backend }) => backend).join(", ")} can do without` : place.words,
        lost: `jobs with the backend ${(requiring.length > 0 ? requiring : uses.map(({ backend }) => backend)).join(", ")} are blocked`,
        remedy: place.remedy ?? `${uses[0]?.hint} Type ${provideSecret(folder, name)}.`,
      });
    }),
  );
}

/** Whether the server's secrets that the installation and the repositories name, for addresses and git hosts, are where the server looks for them. */
export async function checkServerSecrets({ data }: DoctorOptions): Promise<Check[]> {
  // A server elsewhere has its secrets there.
  if (process.env["SLIPWAY_URL"]) return [];
  const { server } = await readInstallation(data);
  const named = [...namesOfHosts(server.forges, server.credentials), ...(await namesOfRepositories(data))];
  return await checkNamedSecrets(named, join(data, "secrets", "server"), process.env);
}

/** A secret of the server, and what names it. */
interface NamedByServer {
  readonly name: string;
  readonly use: string;
}

function namesOfHosts(forges: Forges, credentials: HostCredentials): NamedByServer[] {
  return [
    ...Object.entries(forges).map(([host, { token, app }]) => ({ name: token ?? app?.privateKey ?? "", use: `pull requests on ${host}` })),
    ...Object.entries(credentials).map(([host, name]) => ({ name, use: `repositories on ${host}` })),
  ];
}

/** Nothing where no server says it, which has a check of its own. */
async function namesOfRepositories(data: string): Promise<NamedByServer[]> {
  try {
    const { client } = await connect({ data });
    const { repositories } = await client.call("listRepositories", { signal: AbortSignal.timeout(5_000) });
    return repositories.flatMap(({ name, upstream: { credential } }) => (credential === null ? [] : [{ name: credential, use: `the repository ${name}` }]));
  } catch (error) {
    if (["SERVER_UNAVAILABLE", "UNAUTHENTICATED", "FORBIDDEN"].includes(toSlipwayError(error).code)) return [];
    throw error;
  }
}

/** A check for each secret, whatever it is for. */
export async function checkNamedSecrets(named: readonly NamedByServer[], folder: string, env: NodeJS.ProcessEnv): Promise<Check[]> {
  return await Promise.all(
    [...new Set(named.map(({ name }) => name))].map(async (name) => {
      const uses = named.filter((one) => one.name === name).map(({ use }) => use);
      const place = await placeOfSecret(name, folder, env);
      return check("server", `secret ${name}`, place.state === "found", {
        tried: `${join(folder, name)}, ${SECRET_VARIABLE_PREFIX}${name}`,
        found: place.words,
        lost: `${uses.join(", ")}: fetching, pushing or opening pull requests fails`,
        remedy: place.remedy ?? `Type ${provideSecret(folder, name)}.`,
      });
    }),
  );
}

/** Where a worker that is started from here would find a secret, in words. */
export interface SecretPlace {
  readonly state: "found" | "missing" | "refused";
  readonly words: string;
  readonly remedy?: string;
}

/** Looks for a secret of backends in its folder and in this environment. */
export async function placeOfSecret(name: string, folder: string, env: NodeJS.ProcessEnv): Promise<SecretPlace> {
  const file = join(folder, name);
  try {
    if ((await readSecretFile(file)) !== undefined) return { state: "found", words: `found in ${file}` };
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { state: "refused", words: error.message, remedy: error.hint };
  }
  const variable = SECRET_VARIABLE_PREFIX + name;
  if (env[variable]) return { state: "found", words: `found in ${variable}, for what is started from this shell` };
  return { state: "missing", words: "missing" };
}
