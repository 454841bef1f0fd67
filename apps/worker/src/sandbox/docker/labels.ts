/** On every container of a worker: the worker's id, which no other worker of any installation has. */
export const WORKER_LABEL = "dev.slipway.worker";
/** On every container: the id of the sandbox that it is, or that its command belongs to. */
export const SANDBOX_LABEL = "dev.slipway.sandbox";
/** `runner`, or `command`. */
export const PART_LABEL = "dev.slipway.part";
