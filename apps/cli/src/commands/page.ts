import type { Connection } from "../connection.ts";
import type { Screen } from "../terminal/screen.ts";

/**
 * The page of a job, as an address to click on; undefined where the server is one of this command's own, which is gone when somebody looks. A browser that is
 * not signed in is by `slipway open`.
 */
export async function pageOf(screen: Screen, { stack, url }: Connection, job: string | number): Promise<string | undefined> {
  return stack || screen.json ? undefined : await screen.link(`${url}/jobs/${job}`);
}
