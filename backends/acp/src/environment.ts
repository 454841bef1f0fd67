/** An environment without the variables of a family, which would steer the agent. */
export function without(env: Readonly<Record<string, string>>, ...prefixes: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !prefixes.some((prefix) => name.startsWith(prefix))));
}
