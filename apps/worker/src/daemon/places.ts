import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { SANDBOX_KINDS } from "@slipway/protocol/sandbox-kind";
import { newId } from "@slipway/protocol/scalars";
import { z } from "zod";
import type { SandboxRecord } from "../sandbox/sandbox.ts";
import { readJson } from "./durable-file.ts";
import { removeOwned } from "./remove-owned.ts";

/** The folders that a sandbox has mounted, `sandboxes/<id>/`, and beside them, out of its sight, the records of what runs there. */
export interface Place {
  readonly id: string;
  readonly root: string;
  readonly workspace: string;
  /** What a workspace above a base has of its own; out of the sandbox' sight. */
  readonly layer: string;
  readonly home: string;
  readonly spool: string;
  readonly control: string;
  readonly records: string;
}

const recordSchema = z.object({
  spec: z.object({
    id: z.string(),
    workspace: z.string(),
    home: z.string(),
    spool: z.string(),
    control: z.string(),
    readOnly: z.array(z.string()),
    certificates: z.string().optional(),
    image: z.string().optional(),
    runner: z.boolean().optional(),
  }),
  kind: z.enum(SANDBOX_KINDS),
  nonce: z.string(),
  processes: z.array(z.object({ pid: z.int().positive(), startTime: z.string() })),
  container: z.object({ id: z.string() }).optional(),
});

/** The place with this id; whether it exists is not looked at. */
export function placeAt(sandboxes: string, id: string): Place {
  const root = join(sandboxes, basename(id));
  return {
    id,
    root,
    workspace: join(root, "workspace"),
    layer: join(root, "layer"),
    home: join(root, "home"),
    spool: join(root, "spool"),
    control: join(root, "control"),
    records: join(root, "records"),
  };
}

/** Makes a new place, empty. */
export async function makePlace(sandboxes: string): Promise<Place> {
  const place = placeAt(sandboxes, newId());
  try {
    for (const path of [place.root, place.workspace, place.home, place.spool, place.control, place.records]) await mkdir(path, { mode: 0o700 });
    return place;
  } catch (error) {
    await removeOwned(place.root, sandboxes);
    throw error;
  }
}

/** What was started there and not ended, by its records. */
export async function readRecords(place: Place): Promise<SandboxRecord[]> {
  const names = await readdir(place.records).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const records: SandboxRecord[] = [];
  for (const name of names) {
    const record = name.endsWith(".json") ? await readJson(join(place.records, name), recordSchema) : undefined;
    if (record) records.push(record);
  }
  return records;
}
