/** A session that has a name gets none from a model, which nobody asked for and which would be another than the job's. */
export const SESSION_TITLE = "A job of Slipway";
