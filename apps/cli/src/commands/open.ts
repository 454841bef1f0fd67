import type { Client } from "@slipway/protocol/client";
import type { Command } from "commander";
import { connect } from "../connection.ts";
import { parseJob } from "../terminal/parse.ts";
import { type CommonOptions, screenOf, withCommon } from "./options.ts";

interface OpenOptions extends CommonOptions {
  readonly print?: boolean;
}

export function addOpen(program: Command): void {
  withCommon(program.command("open").argument("[job]", "number or id of a job; the overview without one", parseJob))
    .summary("open the dashboard in the browser, signed in")
    .description(
      "Opens the dashboard of the running server, signed in with this machine's token. The address holds a code that is good once, within a minute; the token itself is in no address.",
    )
    .option("--print", "print the address and open nothing, for a browser on another machine")
    .action(openCommand);
}

async function openCommand(job: string | undefined, options: OpenOptions): Promise<void> {
  const screen = screenOf(options);
  const { client, url } = await connect({ data: options.data });
  const path = job === undefined ? "/" : `/jobs/${(await client.call("getJob", { params: { job } })).job.number}`;
  const { code, expiresAt } = await client.call("createSignInCode", { body: {} });
  const address = `${url}${path}#code=${code}`;
  screen.document({ url: address, expiresAt });
  if (screen.json) return;
  if (options.print) {
    screen.print(address);
    return;
  }
  if (await opened(address)) screen.progress(`Opened ${url}${path} in the browser.`);
  else {
    screen.warn("There is no browser here that could be opened. This address signs one in, once, within a minute:");
    screen.print(address);
  }
}

/** Opens a job's page from elsewhere; what to say of it. */
export async function openJobPage(client: Client, job: number): Promise<string> {
  const { code } = await client.call("createSignInCode", { body: {} });
  const page = `${client.url}/jobs/${job}`;
  return (await opened(`${page}#code=${code}`))
    ? `opened ${page} in the browser`
    : `no browser here: slipway open ${job} --print prints an address for another one`;
}

/** False where this machine has no browser, or no screen to show it on. */
async function opened(address: string): Promise<boolean> {
  if (process.platform === "linux" && !process.env["DISPLAY"] && !process.env["WAYLAND_DISPLAY"] && !process.env["WSL_DISTRO_NAME"]) return false;
  try {
    const { default: open } = await import("open");
    await open(address);
    return true;
  } catch {
    // No program that opens addresses: the caller prints it.
    return false;
  }
}
