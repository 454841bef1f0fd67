import { z } from "zod";

/** What may stand in braces in an argument. */
const ARGUMENT_NAMES = ["prompt", "promptFile", "session", "model", "baseUrl", "gateway", "workspace", "home", "turn"] as const;
/** Beside those, in what tells of one image. */
const IMAGE_NAMES = [...ARGUMENT_NAMES, "imageFile"] as const;
/** In the environment too: the token, which is in no argument, as `ps` shows those. */
const ENV_NAMES = [...ARGUMENT_NAMES, "token"] as const;
export type TemplateName = (typeof ENV_NAMES)[number] | "imageFile";

/** An argument that stands for those of the images. */
export const IMAGES_HOLE = "{images}";

const HOLE = /\{\{|\}\}|\{([A-Za-z]+)\}/g;

/** The names that a template uses. `{{` and `}}` are braces. */
export function namesIn(template: string): string[] {
  return Array.from(template.matchAll(HOLE), (match) => match[1]).filter((name) => name !== undefined);
}

/** A template with its holes filled; what is filled in is not looked at again. */
export function fill(template: string, values: Readonly<Partial<Record<TemplateName, string>>>): string {
  return template.replace(HOLE, (found, name?: TemplateName) => (name === undefined ? found.slice(1) : (values[name] ?? "")));
}

/** A text with holes of these names. */
function templateSchema(names: readonly string[], most: number) {
  return z
    .string()
    .max(most)
    .refine((text) => !text.includes("\0"), "expected a text without a zero byte")
    .superRefine((text, context) => {
      const unknown = namesIn(text).find((name) => !names.includes(name));
      if (unknown === undefined) return;
      const why =
        unknown === "token"
          ? "the token goes by `env` alone: every process can see arguments"
          : `expected one of ${names.map((name) => `{${name}}`).join(", ")}`;
      context.addIssue({ code: "custom", message: `{${unknown}} is not known here; ${why}; a brace is written {{ or }}` });
    });
}

export const argumentSchema = templateSchema(ARGUMENT_NAMES, 100_000);
export const imageArgumentSchema = templateSchema(IMAGE_NAMES, 100_000);
/** An argument, or the place of the images' arguments. */
export const commandArgumentSchema = z.union([z.literal(IMAGES_HOLE), argumentSchema]);
export const envValueSchema = templateSchema(ENV_NAMES, 100_000);
