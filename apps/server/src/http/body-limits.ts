import { CASSETTE_CALL_LIMIT_BYTES } from "@slipway/protocol/cassette";
import type { EndpointName } from "@slipway/protocol/endpoints";
import { JOB_IMAGES_LIMIT_BYTES } from "@slipway/protocol/job-images";

/** The largest body that an endpoint takes, in bytes, where nothing else is said. */
export const DEFAULT_BODY_LIMIT_BYTES = 1_048_576;
export const ARTIFACT_LIMIT_BYTES = 16_777_216;
/** One batch of events; the worker sends smaller ones. */
export const EVENTS_LIMIT_BYTES = 16_777_216;

/** A job with all the images that it may have, in base64. */
export const SUBMIT_LIMIT_BYTES = Math.ceil(JOB_IMAGES_LIMIT_BYTES / 3) * 4 + DEFAULT_BODY_LIMIT_BYTES;

export const BODY_LIMITS: { readonly [N in EndpointName]?: number } = {
  submitJob: SUBMIT_LIMIT_BYTES,
  previewJob: SUBMIT_LIMIT_BYTES,
  putArtifact: ARTIFACT_LIMIT_BYTES,
  appendEvents: EVENTS_LIMIT_BYTES,
  recordModelCall: CASSETTE_CALL_LIMIT_BYTES,
  // Manifests carry JSON Schemas.
  registerWorker: 8_388_608,
};
