import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { SlipwayError, toSlipwayError } from "@slipway/protocol/errors";
import { GATEWAY_CONFIG_FILE, type GatewayConfig } from "@slipway/protocol/gateway-config";
import { parseGatewayConfig } from "@slipway/protocol/parse-gateway-config";

/** How often the file is looked at, at most. */
const LOOK_INTERVAL_MS = 1_000;

/** Where the configuration stands: `SLIPWAY_GATEWAY_CONFIG`, which must be there, or `gateway.yaml` in the data folder, which need not. */
export interface ConfigPlace {
  readonly path: string;
  readonly required: boolean;
}

export function configPlace(data: string, environment: NodeJS.ProcessEnv = process.env): ConfigPlace {
  const named = environment["SLIPWAY_GATEWAY_CONFIG"];
  return named ? { path: named, required: true } : { path: join(data, GATEWAY_CONFIG_FILE), required: false };
}

/** The configuration and the stamp of the file that it is from, null without one. INVALID_CONFIG. */
export function readConfig({ path, required }: ConfigPlace): { config: GatewayConfig; stamp: string | null } {
  const stamp = stampOf(path);
  if (stamp === null && !required) return { config: parseGatewayConfig("", path), stamp };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new SlipwayError("INVALID_CONFIG", `${path}: expected a readable file; ${error instanceof Error ? error.message : String(error)}.`, { file: path });
  }
  return { config: parseGatewayConfig(text, path), stamp };
}

function stampOf(path: string): string | null {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.mtimeNs}-${stats.ctimeNs}-${stats.ino}-${stats.size}` : null;
}

/** The configuration of a running gateway: read again when its file has changed; a broken file is told once, and the last good one kept. */
export class LiveConfig {
  readonly #place: ConfigPlace;
  readonly #onChange: (config: GatewayConfig) => void;
  readonly #onBroken: (error: SlipwayError) => void;
  #config: GatewayConfig;
  #stamp: string | null;
  #lookedAt = performance.now();

  /** INVALID_CONFIG where the file is broken from the start. */
  constructor(place: ConfigPlace, events: { onChange: (config: GatewayConfig) => void; onBroken: (error: SlipwayError) => void }) {
    this.#place = place;
    this.#onChange = events.onChange;
    this.#onBroken = events.onBroken;
    ({ config: this.#config, stamp: this.#stamp } = readConfig(place));
    this.#onChange(this.#config);
  }

  /** The newest good configuration, at most a second old. */
  current(now = performance.now()): GatewayConfig {
    if (now - this.#lookedAt < LOOK_INTERVAL_MS) return this.#config;
    this.#lookedAt = now;
    const stamp = stampOf(this.#place.path);
    if (stamp === this.#stamp) return this.#config;
    this.#stamp = stamp;
    try {
      this.#config = readConfig(this.#place).config;
      this.#onChange(this.#config);
    } catch (error) {
      this.#onBroken(toSlipwayError(error));
    }
    return this.#config;
  }
}
