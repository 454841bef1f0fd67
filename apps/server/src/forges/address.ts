import { isSafe } from "@slipway/protocol/forge-settings";

/** A repository's address, taken apart. */
export interface Address {
  /** With its port, where it is not the protocol's own. */
  readonly host: string;
  /** Such as `owner/name`. */
  readonly path: string;
  /** Where branches are pushed to with a token: over https, also where the address is one of ssh. */
  readonly pushUrl: string;
}

/** `https://host/owner/name.git`, `ssh://git@host/owner/name.git` or `git@host:owner/name.git`; undefined for anything else, such as a path. */
export function addressOf(url: string): Address | undefined {
  const scp = /^(?:[\w.-]+@)?([\w.-]+):(?!\/)([\w./~-]+)$/.exec(url);
  if (scp?.[1] && scp[2]) return made(scp[1].toLowerCase(), scp[2], `https://${scp[1]}`);
  if (!/^(https?|ssh):\/\//i.test(url) || !URL.canParse(url)) return undefined;
  const { protocol, host, hostname, pathname } = new URL(url);
  if (protocol === "ssh:") return made(hostname, pathname, `https://${hostname}`);
  // A token never goes over a network in clear.
  if (!isSafe(url)) return undefined;
  return made(host, pathname, `${protocol}//${host}`);
}

function made(host: string, pathname: string, origin: string): Address | undefined {
  const path = decodeURIComponent(pathname)
    .replace(/^\/+|\/+$/g, "")
    .replace(/\.git$/, "");
  if (!/^[\w.~-]+(\/[\w.~-]+)+$/.test(path)) return undefined;
  return { host, path, pushUrl: `${origin}/${path}.git` };
}

/** The address of the same host's repository at another path. */
export function atPath({ host, path: before, pushUrl }: Address, path: string): Address {
  return { host, path, pushUrl: `${pushUrl.slice(0, pushUrl.length - `/${before}.git`.length)}/${path}.git` };
}
