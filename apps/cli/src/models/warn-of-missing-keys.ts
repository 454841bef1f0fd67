import type { Connection } from "../connection.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { defaultProvider } from "./default-provider.ts";
import { readGatewayConfig } from "./gateway-config.ts";
import { howToGiveKey, keyFile, missingKeys } from "./keys.ts";

/** Where a worker's backend of this name needs a model, and the gateway that this command started has no key for it: says so before the job waits for one. */
export async function warnOfMissingKeys(screen: Screen, connection: Connection, backend: string | undefined, dataOption: string | undefined): Promise<void> {
  const { workers } = await connection.client.call("listWorkers", {});
  const manifest = workers.flatMap((worker) => worker.backends).find(({ name }) => name === backend);
  if (!manifest?.capabilities.model || manifest.capabilities.modelOptional) return;
  const data = dataFolder(dataOption);
  const config = await readGatewayConfig(data);
  const asked = defaultProvider(manifest);
  const missing = (await missingKeys(config, data)).filter(({ provider }) => asked === undefined || provider === asked);
  const [first] = missing;
  // A backend that does not say which provider it asks may go on with any that can answer.
  if (first === undefined || missing.length < (asked === undefined ? Object.keys(config.providers).length : 1)) return;
  const keys = missing.length === 1 ? `the key ${first.name} is not there` : `none of the keys ${missing.map(({ name }) => name).join(", ")} is there`;
  screen.warn(`The backend ${backend} needs a model, and ${keys}: the job will wait for it.`);
  for (const line of howToGiveKey(keyFile(data, first.name)).split("\n")) screen.progress(`  ${line}`);
}
