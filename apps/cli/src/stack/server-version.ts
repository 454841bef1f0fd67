import { slipwayVersion } from "../commands/version.ts";
import { Screen } from "../terminal/screen.ts";

/** Says where a server's version is not this command's: what they say to each other may differ between `major.minor` releases. Nothing stops for it. */
export function warnOfOtherVersion(url: string, serverVersion: string): void {
  const own = slipwayVersion();
  if (series(own) === series(serverVersion)) return;
  new Screen().warn(
    `The server at ${url} is Slipway ${serverVersion}, and this command is ${own}: some commands may not work. Use the same version on both sides (\`git pull\` in Slipway's checkout, then restart \`slipway up\`).`,
  );
}

function series(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
