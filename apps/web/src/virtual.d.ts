declare module "virtual:slipway-routes" {
  import type { EndpointName } from "@slipway/protocol/endpoints";

  /** Method and path of each endpoint, from the protocol's table. */
  export const ROUTES: Readonly<Record<EndpointName, readonly [method: string, path: string]>>;
}
