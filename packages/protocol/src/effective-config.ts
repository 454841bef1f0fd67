import { z } from "zod";

/** Where a value of the server comes from, as `slipway config` says it. */
export const valueOriginSchema = z.object({
  /** A key of slipway.yaml, such as `server.port`. */
  key: z.string().max(200),
  /** `default`, the name of a variable, `--port`, or a file with its line. */
  from: z.string().max(5_000),
});
/** Where a value of the server comes from. */
export type ValueOrigin = z.infer<typeof valueOriginSchema>;

/** `GET /v1/config`: what the server runs with. */
export const effectiveConfigSchema = z.object({
  version: z.string(),
  /** Data folder on the server's machine. */
  data: z.string(),
  /** Address that it listens on. */
  url: z.string(),
  values: z.array(z.object({ key: z.string(), value: z.unknown(), from: z.string() })),
  /** Names of the secrets that it has, for git hosts and the addresses of repositories. */
  secrets: z.array(z.object({ name: z.string(), there: z.boolean(), where: z.string() })),
});
/** What the server runs with. */
export type EffectiveConfig = z.infer<typeof effectiveConfigSchema>;
