import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Forge } from "@slipway/forge/forge";
import { type ForgeCredential, type ForgeHost, openForgeHost } from "@slipway/forge/open-forge";
import { provideSecret, readSecretFile, secretsFolder } from "@slipway/process/secret-file";
import { SlipwayError } from "@slipway/protocol/errors";
import { DEFAULT_FORGES, type ForgeSettings, type Forges as ForgesConfig } from "@slipway/protocol/forge-settings";
import { type Address, addressOf, atPath } from "./address.ts";

/** A repository's forge, and where its branches are pushed to. */
export interface RepositoryForge {
  readonly address: Address;
  readonly forge: Forge;
}

/**
 * The git hosts that the installation knows, and their credentials. These are read from their files each time, so that a new one needs no restart, and stay in
 * this process: they are in no argument, log, error or answer.
 */
export class ForgeRegistry {
  readonly #settings: ForgesConfig;
  readonly #secrets: string;
  readonly #retryUnitMs: number | undefined;
  readonly #hosts = new Map<string, { readonly digest: string; readonly host: ForgeHost }>();

  constructor(dataFolder: string, settings: ForgesConfig, retryUnitMs?: number) {
    this.#settings = { ...DEFAULT_FORGES, ...settings };
    this.#secrets = secretsFolder(dataFolder, "server");
    this.#retryUnitMs = retryUnitMs;
  }

  /** What is configured for the host of this address; undefined where nothing is. */
  settingsOf(url: string): ForgeSettings | undefined {
    const address = addressOf(url);
    return address && this.#settings[address.host];
  }

  /** `path`: where the host has the repository now. Undefined where no host is configured for the address. FORGE_TOKEN_MISSING names the file that the credential belongs in. */
  async open(url: string, path?: string): Promise<RepositoryForge | undefined> {
    const address = addressOf(url);
    const settings = address && this.#settings[address.host];
    if (!address || !settings) return undefined;
    const credential = await this.#credential(address.host, settings);
    const digest = createHash("sha256").update(JSON.stringify(credential)).digest("hex");
    const known = this.#hosts.get(address.host);
    // One client of a host and credential, which knows what is left of the host's limits.
    const host = known?.digest === digest ? known.host : openForgeHost(address.host, settings, credential, this.#retryUnitMs);
    this.#hosts.set(address.host, { digest, host });
    const at = path === undefined ? address : atPath(address, path);
    return { address: at, forge: host.repository(at.path) };
  }

  async #credential(host: string, { token, app }: ForgeSettings): Promise<ForgeCredential> {
    if (app) {
      const privateKey = await this.#secret(host, app.privateKey);
      return { kind: "app", appId: app.id, installationId: app.installationId, privateKey };
    }
    return { kind: "token", token: await this.#secret(host, token ?? "") };
  }

  async #secret(host: string, name: string): Promise<string> {
    const file = join(this.#secrets, name);
    const value = await readSecretFile(file).catch((error: unknown) => {
      if (error instanceof SlipwayError && error.code === "SECRET_MISSING")
        throw new SlipwayError("FORGE_TOKEN_MISSING", `The credential for ${host} cannot be used: ${error.message}`, {
          ...error.details,
          host,
          secret: name,
          file,
        });
      throw error;
    });
    if (value !== undefined) return value;
    throw new SlipwayError("FORGE_TOKEN_MISSING", `There is no credential for ${host}: the secret ${name} is missing.`, {
      host,
      secret: name,
      file,
      hint: `Type ${provideSecret(this.#secrets, name)}. Then \`slipway retry\`: the commit is kept, and no agent runs again.`,
    });
  }
}
