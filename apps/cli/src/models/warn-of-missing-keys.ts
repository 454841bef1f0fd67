import type { Connection } from "../connection.ts";
import { dataFolder } from "../stack/data-folder.ts";
import type { Screen } from "../terminal/screen.ts";
import { readGatewayConfig } from "./gateway-config.ts";
import { howToGiveKey, keyFile, missingKeys } from "./keys.ts";

/** Where a worker's backend of this name needs a model, and no provider of the gateway that this command started has its key: says so before the job waits for one. */
export async function warnOfMissingKeys(screen: Screen, connection: Connection, backend: string | undefined, dataOption: string | undefined): Promise<void> {
  const { workers } = await connection.client.call("listWorkers", {});
  const needsModel = workers.some((worker) => worker.backends.some(({ name, capabilities }) => name === backend && capabilities.model));
  if (!needsModel) return;
  const data = dataFolder(dataOption);
  const config = await readGatewayConfig(data);
  const missing = await missingKeys(config, data);
  const [first] = missing;
  // Which provider the backend asks is its own affair: with one that can answer, the job may well go on.
  if (first === undefined || missing.length < Object.keys(config.providers).length) return;
  screen.warn(`The backend ${backend} needs a model, and the key ${missing.map(({ name }) => name).join(", ")} is not there: the job will wait for it.`);
  for (const line of howToGiveKey(keyFile(data, first.name)).split("\n")) screen.progress(`  ${line}`);
}
