/**
 * The environment of an agent that reaches its model without the proxy for the outside, where there is one: the gateway is on this machine, and no proxy
 * leads to it.
 */
export function withDirectGateway(env: Readonly<Record<string, string>>): Record<string, string> {
  if (!Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name))) return { ...env };
  const direct = [env["NO_PROXY"] ?? env["no_proxy"] ?? "", "127.0.0.1", "localhost"].filter((text) => text !== "").join(",");
  return { ...env, NO_PROXY: direct, no_proxy: direct };
}
