import { join } from "node:path";
import { provideSecret, readSecretFile, SECRET_VARIABLE_PREFIX } from "@slipway/process/secret-file";
import { SlipwayError } from "@slipway/protocol/errors";
import type { Manifest } from "@slipway/protocol/manifest";

/** Of a backend, what of its secrets is here: values by name. */
export type SecretValues = Readonly<Record<string, string>>;

export interface SecretSources {
  /** With a file for each secret; a file wins over a variable. */
  readonly folder: string;
  /** Values by the secret's name, from the worker's environment. */
  readonly variables: ReadonlyMap<string, string>;
  readonly manifests: readonly Manifest[];
}

/** The secrets that backends name, and those that a job's MCP servers name, and no others. Nothing is kept: each reading goes to the files again, so that a new value needs no restart. */
export class BackendSecrets {
  readonly #sources: SecretSources;

  constructor(sources: SecretSources) {
    this.#sources = sources;
  }

  /**
   * What is here of the secrets that the backend names, and of these that the job's MCP servers name. SECRET_MISSING where one that it requires is not: the details name it, and the file and the
   * variable that would provide it; also for a file that others can read.
   */
  async read(backend: string, ofServers: readonly string[] = []): Promise<SecretValues> {
    const { values, missing } = await this.find(backend, ofServers);
    if (missing) throw missing;
    return values;
  }

  /** The same for who can do with less: the first that is missing is told and not thrown. */
  async find(backend: string, ofServers: readonly string[] = []): Promise<{ readonly values: SecretValues; readonly missing: SlipwayError | undefined }> {
    const own = this.#sources.manifests.find(({ name }) => name === backend)?.secrets ?? [];
    const named = [...own, ...ofServers.map((name) => ({ name, required: true, hint: "An MCP server of the job uses it." }))];
    const values: Record<string, string> = {};
    let missing: SlipwayError | undefined;
    for (const secret of named) {
      try {
        const value = await this.#valueOf(secret.name);
        if (value !== undefined) values[secret.name] = value;
        else if (secret.required) missing ??= this.#missing(backend, secret);
      } catch (error) {
        if (!(error instanceof SlipwayError)) throw error;
        missing ??= new SlipwayError(error.code, error.message, { ...error.details, secret: secret.name, backend });
      }
    }
    return { values, missing };
  }

  async #valueOf(name: string): Promise<string | undefined> {
    return (await readSecretFile(join(this.#sources.folder, name))) ?? this.#sources.variables.get(name);
  }

  #missing(backend: string, { name, hint }: Manifest["secrets"][number]): SlipwayError {
    const { folder } = this.#sources;
    const file = join(folder, name);
    const variable = SECRET_VARIABLE_PREFIX + name;
    return new SlipwayError(
      "SECRET_MISSING",
      `The backend ${backend} needs the secret ${name}, and neither the file ${file} nor the variable ${variable} of the worker has it. ${hint}`,
      {
        ...{ secret: name, backend, about: hint, file, variable },
        hint: `Type ${provideSecret(folder, name)}. Then \`slipway retry\`; the worker need not be restarted.`,
      },
    );
  }
}

/**
 * Takes the secrets out of an environment, by the secret's name. Out, so that no child of this process can inherit them; an empty variable counts as none.
 */
export function takeSecretVariables(env: NodeJS.ProcessEnv): Map<string, string> {
  const found = new Map<string, string>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(SECRET_VARIABLE_PREFIX)) continue;
    if (value) found.set(variable.slice(SECRET_VARIABLE_PREFIX.length), value);
    delete env[variable];
  }
  return found;
}
