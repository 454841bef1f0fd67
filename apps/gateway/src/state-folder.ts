import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeFolderLock } from "@slipway/process/folder-lock";
import { idSchema, newId } from "@slipway/protocol/scalars";

/** What the gateway keeps on disk: who it is, and the settlements that the server has not taken. Disposing gives the folder back. */
export interface StateFolder extends Disposable {
  readonly gatewayId: string;
  /** File of the outbox. */
  readonly outbox: string;
}

/** Opens `<data>/gateway`, mode 0700, for this process alone. DATA_FOLDER_IN_USE where another gateway has it: two would settle the same calls. */
export async function openStateFolder(data: string): Promise<StateFolder> {
  const root = join(data, "gateway");
  await mkdir(root, { recursive: true, mode: 0o700 });
  const lock = takeFolderLock({ path: join(root, "folder.lock"), part: "gateway", data });
  return {
    [Symbol.dispose]: () => lock[Symbol.dispose](),
    gatewayId: await readOrMakeIdentity(join(root, "identity.json")),
    outbox: join(root, "outbox.jsonl"),
  };
}

/** A missing or damaged file gives a new identity; the calls of the old one are charged when their attempts have ended. */
async function readOrMakeIdentity(file: string): Promise<string> {
  try {
    const parsed = JSON.parse(await readFile(file, "utf8")) as { gatewayId?: unknown };
    return idSchema.parse(parsed.gatewayId);
  } catch {
    const gatewayId = newId();
    await writeFile(`${file}.new`, `${JSON.stringify({ gatewayId })}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
    return gatewayId;
  }
}
