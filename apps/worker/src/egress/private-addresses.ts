import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Networks of this machine, its neighbours and its cloud (IANA special-purpose address registries): a name on a list that leads there leads to the inside. */
const RANGES: ReadonlyArray<readonly [string, number]> = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
];

const blocked = new BlockList();
for (const [network, prefix] of RANGES) blocked.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6");

/** Whether an address is of this machine, a private network, the link or a group; an IPv4 address inside an IPv6 one is judged as itself. */
export function isPrivateAddress(address: string): boolean {
  if (isIPv4(address)) return blocked.check(address, "ipv4");
  // The list itself sees through mapped addresses; those of NAT64 carry theirs in the last 32 bits.
  return isIPv6(address) && (blocked.check(address, "ipv6") || isPrivateNat64(address));
}

/**
 * Whether a name is an address in one of the ways that resolvers know (`10.0.0.1`, `0x7f.1`, `2130706433`), or this machine's own: it means the same to
 * whoever resolves it, and no question to the network's names is needed.
 */
export function needsNoNameServer(name: string): boolean {
  return /(^|\.)(\d+|0x[0-9a-f]*|localhost)\.?$/i.test(name);
}

function isPrivateNat64(address: string): boolean {
  const match = /^64:ff9b::(?:([0-9a-f]{1,4}):([0-9a-f]{1,4})|(\d+\.\d+\.\d+\.\d+))$/i.exec(address);
  if (!match) return false;
  const [, high = "0", low = "0", dotted] = match;
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return blocked.check(dotted ?? [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join("."), "ipv4");
}
