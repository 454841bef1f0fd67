import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SECRET_VARIABLE_PREFIX } from "@slipway/process/secret-file";
import { gatewayConfigFile, readGatewayConfig } from "../models/gateway-config.ts";
import { keyFile, missingKeys } from "../models/keys.ts";
import { dataFolder, tokenFile } from "../stack/data-folder.ts";
import { backendSecretsFolder, installationConfigFile } from "./installation.ts";

/** A file, a folder or an address that Slipway uses, and what named it. */
export interface NamedPlace {
  readonly name: string;
  readonly value: string;
  /** Such as `--data`, `SLIPWAY_DATA` or `default`. */
  readonly from: string;
}

/** Where things are, for a command with this `--data`. */
export function namedPlaces(data: string | undefined): NamedPlace[] {
  const folder = dataFolder(data);
  const named = (variable: string): string => (process.env[variable] ? variable : "default");
  return [
    { name: "data", value: folder, from: data === undefined ? named("SLIPWAY_DATA") : "--data" },
    { name: "slipway.yaml", value: installationConfigFile(folder), from: named("SLIPWAY_CONFIG") },
    { name: "gateway.yaml", value: gatewayConfigFile(folder), from: named("SLIPWAY_GATEWAY_CONFIG") },
    ...(process.env["SLIPWAY_URL"] && data === undefined
      ? [
          { name: "url", value: process.env["SLIPWAY_URL"], from: "SLIPWAY_URL" },
          { name: "token", value: process.env["SLIPWAY_TOKEN_FILE"] ?? tokenFile(folder, "admin"), from: named("SLIPWAY_TOKEN_FILE") },
        ]
      : []),
  ];
}

/** A secret by its name: whether it is there and where it is looked for. What it holds is never read. */
export interface NamedSecret {
  readonly name: string;
  readonly for: string;
  readonly there: boolean;
  readonly where: string;
}

/** The keys of the configured models, and the secrets of backends that are there. INVALID_CONFIG for gateway.yaml. */
export async function namedSecrets(data: string): Promise<NamedSecret[]> {
  const config = await readGatewayConfig(data);
  const missing = new Set((await missingKeys(config, data)).map(({ name }) => name));
  const keys = Object.entries(config.providers).flatMap(([provider, { key }]) =>
    key === null ? [] : [{ name: key, for: `models of ${provider}`, there: !missing.has(key), where: `${keyFile(data, key)}, else ${key}` }],
  );
  return [...keys, ...(await secretsOfBackends(await backendSecretsFolder(data)))];
}

async function secretsOfBackends(folder: string): Promise<NamedSecret[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const variables = Object.keys(process.env).filter((name) => name.startsWith(SECRET_VARIABLE_PREFIX) && process.env[name]);
  const names = new Set([...files, ...variables.map((name) => name.slice(SECRET_VARIABLE_PREFIX.length))]);
  return [...names].sort().map((name) => ({
    name,
    for: "backends",
    there: true,
    where: files.includes(name) ? join(folder, name) : SECRET_VARIABLE_PREFIX + name,
  }));
}
