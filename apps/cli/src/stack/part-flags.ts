import type { InstallationConfig } from "@slipway/protocol/installation-config";

/** The installation's configuration as the parts take it: they know no file of it, and each can be started by hand with the same flags. */

/** All but the port, which a restarted server keeps. */
export function serverFlags({ server, jobs, notifications }: InstallationConfig): string[] {
  return [
    ...["--host", server.host],
    ...(server.allowRemote ? ["--allow-remote"] : []),
    ...server.allowedOrigins.flatMap((origin) => ["--allowed-origin", origin]),
    ...["--retention-days", String(server.retentionDays)],
    ...flag("--day-budget-tokens", server.dayBudget.tokens),
    ...flag("--day-budget-usd", server.dayBudget.usd),
    ...["--circuit-faults", String(server.circuitFaults), "--circuit-cool-down", String(server.circuitCoolDownSeconds)],
    ...["--forges", JSON.stringify(server.forges), "--credentials", JSON.stringify(server.credentials)],
    ...["--pull-request-poll", String(server.pullRequestPollSeconds)],
    ...["--job-defaults", JSON.stringify(jobs)],
    ...flag("--public-url", server.publicUrl),
    ...(notifications.length === 0 ? [] : ["--notifications", JSON.stringify(notifications)]),
  ];
}

export function workerFlags({ worker }: InstallationConfig): string[] {
  return [
    ...["--slots", String(worker.slots), "--verify-slots", String(worker.verifySlots), "--sandbox", worker.sandbox, "--workspaces", worker.workspaces],
    ...flag("--name", worker.name),
    ...flag("--image", worker.image),
    ...flag("--workspace-limit", worker.workspaceLimit),
    ...flag("--memory-limit", worker.memoryLimit),
    ...flag("--process-limit", worker.processLimit),
    ...flag("--file-limit", worker.fileLimit),
    ...worker.egressPrivateHosts.flatMap((host) => ["--egress-private-host", host]),
    ...flag("--cpu-limit", worker.cpuLimit),
    ...flag("--warm-max", worker.warmMax),
    ...flag("--warm-min", worker.warmMin),
    ...flag("--warm-idle", worker.warmIdleSeconds),
    ...flag("--ports", worker.ports),
    ...flag("--secrets", worker.secretsFolder),
  ];
}

export function integratorFlags({ integrator }: InstallationConfig): string[] {
  return [...flag("--signing-key", integrator.signingKey), ...flag("--committer", integrator.committer)];
}

/** What the parts, and what they start in turn, take from the environment alone. */
export function partVariables({ logLevel, worker, extraCaCerts }: InstallationConfig): NodeJS.ProcessEnv {
  return {
    SLIPWAY_LOG_LEVEL: logLevel,
    ...(worker.backendsFolder === undefined ? {} : { SLIPWAY_BACKENDS: worker.backendsFolder }),
    ...(extraCaCerts === undefined ? {} : { SLIPWAY_EXTRA_CA_CERTS: extraCaCerts }),
  };
}

/** In one word, so that a value with a dash in front is no flag of its own. */
function flag(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}
