import { connectEngine, type Engine } from "@slipway/images/engine/engine";
import { imageState } from "@slipway/images/engine/image-state";
import { Playground } from "../../cli/slipway.ts";

/** What these suites are built on; `.ci/run` and CONTRIBUTING.md say how it is made. */
const LOCAL_BASE = "slipway/local-base:24-trixie";

/** The engine that DOCKER_HOST names, with the local base. Throws what to type where either is missing. */
export async function testEngine(): Promise<Engine> {
  if (!process.env["DOCKER_HOST"]) throw new Error("DOCKER_HOST is not set: `export DOCKER_HOST=$(tests/docker/engine.sh start FOLDER)` as root.");
  const engine = await connectEngine();
  if (!(await imageState(engine, LOCAL_BASE))) throw new Error(`There is no image ${LOCAL_BASE}: \`scripts/build-base-image\` makes it.`);
  return engine;
}

/** A place for commands that build on the local base, over the host's network, with these certificates for it. */
export async function imageGround(certificates: string | undefined): Promise<Playground> {
  const { DOCKER_HOST } = process.env;
  return (await Playground.make()).with({
    ...{ DOCKER_HOST, SLIPWAY_BASE_IMAGE: LOCAL_BASE, SLIPWAY_BUILD_NETWORK: "host" },
    ...(certificates === undefined ? {} : { SLIPWAY_EXTRA_CA_CERTS: certificates }),
  });
}
