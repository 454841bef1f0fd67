import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseTemplate, type Template } from "./template.ts";

const FOLDER = fileURLToPath(new URL("./templates/", import.meta.url));

let known: ReadonlyMap<string, Template> | undefined;

/** The templates that come with Slipway, by their names. */
export function shippedTemplates(): ReadonlyMap<string, Template> {
  known ??= new Map(
    readdirSync(FOLDER)
      .toSorted()
      .map((file) => {
        const name = file.replace(/\.md$/, "");
        return [name, parseTemplate({ name, from: "slipway", text: readFileSync(`${FOLDER}${file}`, "utf8") })] as const;
      }),
  );
  return known;
}
