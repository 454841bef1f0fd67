/** The value of an Authorization header; the hub takes any user name. */
export function basicAuthorization(credential: string, user = "slipway"): string {
  return pairAuthorization(`${user}:${credential}`);
}

/** The same from `user:password`. */
export function pairAuthorization(pair: string): string {
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}

/** Parts a web address from the name and password in it, so that neither shows up in an argv or an error. */
export function splitUrl(url: string): { url: string; authorization?: string } {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return { url };
  const parsed = new URL(url);
  if (parsed.username === "" && parsed.password === "") return { url };
  const pair = `${decodeURIComponent(parsed.username)}:${decodeURIComponent(parsed.password)}`;
  parsed.username = "";
  parsed.password = "";
  return { url: parsed.href, authorization: pairAuthorization(pair) };
}

/** Whether a web address has a name or password in it, also where it is no valid one. */
export function carriesCredential(url: string): boolean {
  return /^https?:\/\/[^/?#]*@/i.test(url);
}

/** Text with passwords in addresses and authorization headers struck out. */
export function redactUrls(text: string): string {
  return text.replace(/(:\/\/)[^@/\s]+@/g, "$1***@").replace(/(authorization: *\w+ +)\S+/gi, "$1***");
}
