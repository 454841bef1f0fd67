import { fileURLToPath } from "node:url";
import { type GatewayCheck, gatewayCheckSchema } from "@slipway/protocol/gateway-config";
import { gatewayEnvironment } from "../stack/environment.ts";
import { failureInLines } from "../stack/log-tail.ts";

/** Each provider is asked in the gateway's own time. */
const CHECK_LIMIT_MS = 60_000;

/** What a gateway of this data folder and this environment would find: its configuration, its keys, and whether the providers answer. A string says why nobody knows. */
export async function checkGateway(data: string): Promise<GatewayCheck | string> {
  const main = fileURLToPath(new URL("../../../gateway/src/main.ts", import.meta.url));
  const { execa } = await import("execa");
  const result = await execa(process.execPath, ["--disable-sigusr1", "--disable-warning=ExperimentalWarning", main, "check", "--data", data], {
    reject: false,
    timeout: CHECK_LIMIT_MS,
    stdin: "ignore",
    env: gatewayEnvironment(),
    extendEnv: false,
  });
  try {
    return gatewayCheckSchema.parse(JSON.parse(result.stdout));
  } catch {
    return failureInLines(result.stderr.split("\n").filter(Boolean))?.message ?? result.shortMessage ?? "no answer";
  }
}
