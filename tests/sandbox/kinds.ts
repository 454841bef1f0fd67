import { withoutEngine } from "../support/docker-image.ts";
import type { Kind } from "./bench.ts";

const engineMissing = process.env["SLIPWAY_HEAVY"] === "1" ? await withoutEngine() : "containers are tested with SLIPWAY_HEAVY=1";
if (engineMissing !== undefined) console.warn(`left out: tests of sandboxes in containers: ${engineMissing}`);
/** SLIPWAY_TEST_KINDS=docker is that one alone, where the others had their turn already. */
const onlyDocker = process.env["SLIPWAY_TEST_KINDS"] === "docker";
/** The sandboxes that tests run in: containers too, where an engine answers. */
export const KINDS: readonly Kind[] = [
  ...(onlyDocker ? [] : (["bwrap", "none", "none by ps"] as const)),
  ...(engineMissing === undefined ? (["docker"] as const) : []),
];
