export type { BackendView } from "@slipway/protocol/backend-view";

/** As the server counts; its module would bring the schemas along. */
export const BACKEND_USE_DAYS = 30;
