import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SlipwayError } from "@slipway/protocol/errors";

/** A key, and where it was found: a file's path, or `environment`. */
export interface FoundKey {
  readonly value: string;
  readonly from: string;
}

/** RFC 9110: what a header's value may hold; a key with anything else would be refused, or split the header. */
const HEADER_TEXT = /^[\x21-\x7e]+$/;

/**
 * The vendors' keys: from `<data>/secrets/gateway/<NAME>`, else from the environment. A file is looked at for each use and read again when it has changed. What
 * comes from the environment is taken out of it, so that nothing that this process starts or reports can hold it.
 */
export class Keys {
  readonly #folder: string;
  readonly #environment = new Map<string, string>();
  readonly #files = new Map<string, { readonly stamp: string; readonly value: string }>();

  constructor(data: string) {
    this.#folder = join(data, "secrets", "gateway");
  }

  /** Where the key's file is, or would be. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  /** Takes the named variables out of the environment. */
  takeFromEnvironment(names: readonly string[], environment: NodeJS.ProcessEnv = process.env): void {
    for (const name of names) {
      const value = environment[name];
      delete environment[name];
      if (value) this.#environment.set(name, value);
    }
  }

  /** The values of those that are there and can be used. */
  present(names: readonly string[]): string[] {
    return names.flatMap((name) => {
      try {
        return [this.get(name).value];
      } catch {
        return []; // Whoever needs it is told by `get`.
      }
    });
  }

  /** SECRET_MISSING where the key is nowhere, or its file is not to be trusted; the details name the file and say what to do. */
  get(name: string): FoundKey {
    const path = this.file(name);
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stats) {
      const value = this.#environment.get(name);
      if (value === undefined) throw missing(name, path, `The key ${name} is missing.`, `Put it into ${path} and \`chmod 600\` that file.`, false);
      return { value: this.#checked(name, path, value, "The environment variable"), from: "environment" };
    }
    if (!stats.isFile()) throw missing(name, path, `${path}: expected a file; found something else.`, `Put the key ${name} into a file there.`);
    const mode = Number(stats.mode & 0o777n);
    if ((mode & 0o077) !== 0) {
      const message = `${path}: expected a file that its owner alone may read; found mode ${mode.toString(8).padStart(4, "0")}.`;
      throw missing(name, path, message, `Run \`chmod 600 ${path}\`.`);
    }
    const stamp = `${stats.mtimeNs}-${stats.ctimeNs}-${stats.ino}-${stats.size}`;
    const known = this.#files.get(name);
    if (known?.stamp === stamp) return { value: known.value, from: path };
    const value = this.#checked(name, path, readKey(name, path), path);
    this.#files.set(name, { stamp, value });
    return { value, from: path };
  }

  #checked(name: string, path: string, value: string, where: string): string {
    if (value === "") throw missing(name, path, `${where}: expected the key ${name}; found nothing.`, `Put the key into ${path}.`);
    if (HEADER_TEXT.test(value)) return value;
    throw missing(name, path, `${where}: expected the key ${name} as one line of visible ASCII characters; found others.`, `Put the key alone into ${path}.`);
  }
}

function readKey(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
  } catch (error) {
    throw missing(name, path, `The key ${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`, `Make ${path} readable.`);
  }
}

/** `unfit`: there is something, which cannot be used. */
function missing(key: string, file: string, message: string, hint: string, unfit = true): SlipwayError {
  return new SlipwayError("SECRET_MISSING", message, { key, file, unfit, hint: `${hint} Then \`slipway retry\`.` });
}
