import { X } from "lucide-react";
import { useState } from "react";
import { Button } from "../../parts/button.tsx";
import { bytes } from "../../parts/format.ts";
import parts from "../../parts/parts.module.css";
import { Field } from "./fields.tsx";
import css from "./new-job.module.css";

/** An image of the form. It is not kept with the draft: browsers have no room for that. */
export interface FormImage {
  readonly name: string;
  readonly size: number;
  /** In base64. */
  readonly data: string;
}

const MAX = 10;
const LIMIT_BYTES = 5_242_880;

/** Images that the agent sees with the task. */
export function Images({
  images,
  onChange,
  error,
}: {
  images: readonly FormImage[];
  onChange: (images: readonly FormImage[]) => void;
  error: string | undefined;
}) {
  const [refused, setRefused] = useState<string>();
  const add = async (files: readonly File[]): Promise<void> => {
    const fitting = files.filter(({ size }) => size <= LIMIT_BYTES);
    const tooLarge = files.find(({ size }) => size > LIMIT_BYTES);
    setRefused(
      tooLarge
        ? `${tooLarge.name} has ${bytes(tooLarge.size)}; at most ${bytes(LIMIT_BYTES)} are taken.`
        : images.length + fitting.length > MAX
          ? `A job takes ${MAX} images.`
          : undefined,
    );
    const read = await Promise.all(fitting.slice(0, MAX - images.length).map(readImage));
    onChange([...images, ...read]);
  };
  return (
    <>
      <Field label="Images" hint="PNG, JPEG, GIF or WebP, for agents that see images. They are not kept with the draft." error={refused ?? error}>
        {(props) => (
          <input
            {...props}
            type="file"
            accept="image/png,image/jpeg,image/gif,image/webp"
            multiple
            onChange={({ target }) => {
              void add([...(target.files ?? [])]);
              target.value = "";
            }}
          />
        )}
      </Field>
      {images.length > 0 && (
        <ol className={css["images"]}>
          {images.map((image, index) => (
            <li key={`${image.name}-${image.size}`}>
              <span>
                {image.name} <span className={parts["muted"]}>{bytes(image.size)}</span>
              </span>
              <Button small look="quiet" aria-label={`Take ${image.name} away`} onClick={() => onChange(images.filter((_, at) => at !== index))}>
                <X size={14} aria-hidden />
              </Button>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

async function readImage(file: File): Promise<FormImage> {
  const content = new Uint8Array(await file.arrayBuffer());
  let text = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < content.length; at += 32_768) text += String.fromCharCode(...content.subarray(at, at + 32_768));
  return { name: file.name, size: file.size, data: btoa(text) };
}
