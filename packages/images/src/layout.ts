/** Where things are inside of Slipway's images: the contract with whoever runs them. */

const INSTALL_ROOT = "/opt/slipway";

/** Node 24, as in the public image that they are built on. */
export const NODE_IN_IMAGE = "/usr/local/bin/node";
/** The runner's program; its arguments are those of `apps/runner/src/main.ts`. */
export const RUNNER_IN_IMAGE = `${INSTALL_ROOT}/apps/runner/src/main.ts`;
/** Node's compile cache of the runner, for `--compile-cache`: read-only for agents, and good for the uid AGENT_UID, by which Node tells caches apart. */
export const COMPILE_CACHE_IN_IMAGE = `${INSTALL_ROOT}/compile-cache`;
/** The software list: packages of Debian and of npm, with their versions. */
export const SOFTWARE_IN_IMAGE = `${INSTALL_ROOT}/software.json`;
/** The user `agent`: neither root nor with a way to become root. */
export const AGENT_UID = 1_000;
export const HOME_IN_IMAGE = "/home/agent";
