import { hostPatternSchema } from "@slipway/protocol/egress";
import type { Host, Project } from "./project.ts";

/** Where a setup gets its packages from: what the files of the repository name, else what each tool has by itself. */

const URL_TEXT = /https?:\/\/[^\s"'#,\]]+/;

export function nodeHosts({ text }: Project, manager: string): Host[] {
  const named = [
    // Also `@scope:registry=`.
    ...lines(text(".npmrc"), /^\s*(@[^:=\s]+:)?registry\s*=\s*(.+)$/).map(([, scope, url]) => ({ url, file: ".npmrc", isScoped: scope !== undefined })),
    ...lines(text(".yarnrc"), /^\s*("?@[^:\s]+:)?registry"?\s+(.+)$/).map(([, scope, url]) => ({ url, file: ".yarnrc", isScoped: scope !== undefined })),
    // Those of scopes stand further in.
    ...lines(text(".yarnrc.yml"), /^(\s*)npmRegistryServer\s*:\s*(.+)$/).map(([, indent, url]) => ({ url, file: ".yarnrc.yml", isScoped: indent !== "" })),
  ];
  const own = named.flatMap(({ url, file }) => hostOf(url, `${file} names it`));
  if (named.some(({ isScoped }) => !isScoped)) return own;
  const npm = { host: "registry.npmjs.org", why: `where ${manager} gets packages` };
  // Lockfiles name either of its two names.
  return manager === "yarn"
    ? [{ host: "registry.yarnpkg.com", why: "where yarn gets packages" }, { ...npm, why: "the same by its other name" }, ...own]
    : [npm, ...own];
}

export function pythonHosts(project: Project, requirements: readonly string[]): Host[] {
  const named = [
    ...requirements.flatMap((file) =>
      lines(project.text(file), /^\s*(-i|--index-url|--extra-index-url)[\s=]+(\S+)/).map(([, option, url]) => ({
        url,
        file,
        replaces: option !== "--extra-index-url",
      })),
    ),
    ...uvIndexes(project, "pyproject.toml"),
    ...uvIndexes(project, "uv.toml"),
  ];
  const own = named.flatMap(({ url, file }) => hostOf(url, `${file} names it`));
  if (named.some(({ replaces }) => replaces)) return own;
  return [{ host: "pypi.org", why: "Python's index of packages" }, { host: "files.pythonhosted.org", why: "the packages that it names" }, ...own];
}

/** `index-url` and `extra-index-url`, and the tables `[[tool.uv.index]]` (in uv.toml `[[index]]`), which replace the public index where they are the default. */
function uvIndexes({ text }: Project, file: string): Array<{ url: string | undefined; file: string; replaces: boolean }> {
  const content = text(file);
  const single = lines(content, /^\s*index-url\s*=\s*(.+)$/).map(([, url]) => ({ url, file, replaces: true }));
  const extra = [...content.matchAll(/^\s*extra-index-url\s*=\s*\[([^\]]*)\]/gm)].flatMap(([, list = ""]) =>
    list.split(",").map((url) => ({ url, file, replaces: false })),
  );
  const tables = [...content.matchAll(/^\[\[(?:tool\.uv\.)?index\]\]([^[]*)/gm)].map(([, table = ""]) => ({
    url: /^\s*url\s*=\s*(.+)$/m.exec(table)?.[1],
    file,
    replaces: /^\s*default\s*=\s*true/m.test(table),
  }));
  return [...single, ...extra, ...tables];
}

export function goHosts(): Host[] {
  return [
    { host: "proxy.golang.org", why: "where go gets modules" },
    { host: "sum.golang.org", why: "what they must be, by their digests" },
  ];
}

export function cargoHosts({ text }: Project): Host[] {
  const config = text(CARGO_CONFIG);
  const own = lines(config, /^\s*(registry|index)\s*=\s*(.+)$/).flatMap(([, , url]) => hostOf(url, `${CARGO_CONFIG} names it`));
  if (/^\[source\.crates-io\][^[]*^\s*replace-with\s*=/m.test(config)) return own;
  return [{ host: "index.crates.io", why: "Cargo's index of crates" }, { host: "static.crates.io", why: "the crates that it names" }, ...own];
}

/** The one file that is looked at beyond the root. */
export const CARGO_CONFIG = ".cargo/config.toml";

function lines(text: string, pattern: RegExp): RegExpExecArray[] {
  return text.split("\n").flatMap((line) => {
    const match = pattern.exec(line);
    return match ? [match] : [];
  });
}

/** Nothing for what is no address, such as one that a variable completes. */
function hostOf(text: string | undefined, why: string): Host[] {
  const found = URL_TEXT.exec(text ?? "")?.[0];
  if (found === undefined || !URL.canParse(found)) return [];
  const { protocol, host } = new URL(found);
  if (!hostPatternSchema.safeParse(host).success) return [];
  // Kept all the same, so that it is seen in the proposal and in its note.
  return [{ host, why, ...(protocol === "http:" ? { isPlain: true } : {}) }];
}
