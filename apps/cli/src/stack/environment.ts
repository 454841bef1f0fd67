/** Settings that reach the parts by the environment. */
const PASSED_ON: ReadonlySet<string> = new Set([
  "SLIPWAY_LOG_LEVEL",
  "SLIPWAY_RETENTION_DAYS",
  "SLIPWAY_MEMORY_LIMIT",
  "SLIPWAY_PROCESS_LIMIT",
  "SLIPWAY_FILE_LIMIT",
  "SLIPWAY_CGROUP",
  "SLIPWAY_BACKENDS",
]);

/**
 * This process's environment for what it starts. The parts take their settings by flags; a SLIPWAY_URL meant for this command must not reach them.
 * The keys of models, by the names given here, are left out: they are for the gateway alone.
 */
export function cleanEnvironment(modelKeys: readonly string[]): NodeJS.ProcessEnv {
  return environmentWithout((name) => (name.startsWith("SLIPWAY_") && !PASSED_ON.has(name)) || modelKeys.includes(name));
}

/** The same for the gateway: with the keys, and with the name of its configuration. */
export function gatewayEnvironment(): NodeJS.ProcessEnv {
  return environmentWithout((name) => name.startsWith("SLIPWAY_") && !PASSED_ON.has(name) && name !== "SLIPWAY_GATEWAY_CONFIG");
}

function environmentWithout(isLeftOut: (name: string) => boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isLeftOut(name)));
}
