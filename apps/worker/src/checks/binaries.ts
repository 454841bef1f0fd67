import { extname } from "node:path";
import type { CheckInput, Finding } from "./finding.ts";

/** What people keep in repositories beside text: pictures, fonts, sound, documents. */
const USUAL = new Set(
  "png jpg jpeg gif webp avif ico icns bmp tif tiff psd svgz woff woff2 ttf otf eot mp3 ogg wav flac mp4 webm mov pdf docx xlsx pptx odt ods snap".split(" "),
);

/** A binary file that is none of the usual: whoever reads the change cannot see what is in it. */
export function checkBinaries({ files }: CheckInput): Finding[] {
  return files
    .filter(({ path, status, isBinary }) => isBinary && status !== "deleted" && !USUAL.has(extname(path).slice(1).toLowerCase()))
    .map(({ path, status, sizeBytes }) => ({
      path,
      message: `A binary file is ${status}, ${sizeBytes < 1_024 ? `${sizeBytes} bytes` : `${Math.ceil(sizeBytes / 1_024)} KiB`}: nobody can read what is in it.`,
    }));
}
