import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/protocol/errors";
import { type Engine, engineError, fullDisk, isRefusal } from "./engine.ts";

export interface BuildOptions {
  /** Such as `slipway/base:0.1.0`. */
  readonly reference: string;
  /** Network of the build's own commands, such as `host`; undefined: the engine's default. */
  readonly network?: string | undefined;
  /** Builds every step anew. */
  readonly noCache: boolean;
  /** Has the engine look for a newer one of the image below. */
  readonly pull: boolean;
  readonly onStep: (step: BuildStep) => void;
  /** All that the build says. */
  readonly onOutput: (text: string) => void;
}

/** A step of the Dockerfile as it begins. */
export interface BuildStep {
  readonly number: number;
  readonly of: number;
  readonly text: string;
}

export interface Built {
  readonly id: string;
  readonly sizeBytes: number;
  /** Those that make something. */
  readonly steps: number;
  /** How many of them were there from an earlier build. */
  readonly cachedSteps: number;
}

/** Variables of the environment that a build takes over, as docker's own command line does: in no layer and not in the image's history. */
const PROXY_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "FTP_PROXY", "ALL_PROXY"];
/** What is kept to tell of a failure. */
const LAST_LINES = 20;

/**
 * Builds a context by the engine's own builder. IMAGE_BUILD_FAILED with the step and the last lines of its output; DISK_FULL where the engine has no room;
 * ENGINE_UNAVAILABLE where it goes away.
 */
export async function buildImage(engine: Engine, context: Readable, options: BuildOptions): Promise<Built> {
  const { reference, network, noCache, pull } = options;
  const progress = new Progress(options);
  let id: string | undefined;
  try {
    const answer = await engine.buildImage(context as unknown as NodeJS.ReadableStream, {
      ...{ t: reference, rm: true, forcerm: true, nocache: noCache, pull, buildargs: proxies() },
      ...(network === undefined ? {} : { networkmode: network }),
    });
    for await (const line of createInterface({ input: answer })) id = progress.read(line) ?? id;
    if (id === undefined) throw progress.failure("the engine ended the build without an image");
    const { Size: sizeBytes } = await engine.getImage(reference).inspect();
    return { id, sizeBytes, steps: progress.steps, cachedSteps: progress.cachedSteps };
  } catch (error) {
    // What the engine refuses of a build, such as a network that it does not have, is the build's failure.
    if (isRefusal(error)) throw progress.failure((error as Error).message);
    throw engineError(error);
  }
}

/** What the engine says of a build, line by line: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageBuild */
class Progress {
  steps = 0;
  cachedSteps = 0;
  readonly #options: BuildOptions;
  #step: BuildStep | undefined;
  #last: string[] = [];
  #isInStage = false;
  /** Those in front of the first stage, which name the image below. */
  readonly #arguments = new Map<string, string>();

  constructor(options: BuildOptions) {
    this.#options = options;
  }

  /** The id of the image, once it is told. Throws where the line tells of a failure. */
  read(line: string): string | undefined {
    if (line.trim() === "") return undefined;
    const message = JSON.parse(line) as { stream?: string; error?: string; aux?: { ID?: string } };
    if (message.error !== undefined) throw this.failure(message.error);
    if (message.stream !== undefined) this.#say(message.stream);
    return message.aux?.ID;
  }

  failure(message: string): SlipwayError {
    if (/no space left on device/i.test(message) || this.#last.some((line) => /no space left on device|ENOSPC/.test(line))) return fullDisk(message);
    const { reference } = this.#options;
    const from = /^FROM (\S+)/.exec(this.#step?.text ?? "")?.[1]?.replace(/\$\{(\w+)\}/, (whole, name: string) => this.#arguments.get(name) ?? whole);
    if (from !== undefined) {
      return new SlipwayError(
        "IMAGE_BUILD_FAILED",
        `${reference} cannot be built: the image below it, ${from}, is not here and cannot be fetched: ${message.trim()}.`,
        {
          image: reference,
          baseImage: from,
          hint: "Where no registry of images is in reach, make a base of your own with `scripts/build-base-image`, then build with --base-image and the name that it prints.",
        },
      );
    }
    const step = this.#step ? ` in step ${this.#step.number} of ${this.#step.of} (${this.#step.text})` : "";
    return new SlipwayError("IMAGE_BUILD_FAILED", `${reference} cannot be built${step}: ${message.trim()}`, {
      image: reference,
      output: this.#last.join("\n"),
      ...(this.#last.some(isOfCertificates)
        ? { hint: "The network's certificates are not known inside of the build: name a file with them in extraCaCerts, or --extra-ca-certs." }
        : {}),
    });
  }

  #say(text: string): void {
    this.#options.onOutput(text);
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    this.#last = [...this.#last, ...lines].slice(-LAST_LINES);
    for (const line of lines) {
      const [, number, of, words] = /^Step (\d+)\/(\d+) : (.*)$/.exec(line) ?? [];
      if (words !== undefined) {
        this.#isInStage ||= words.startsWith("FROM ");
        const [, name, value] = (!this.#isInStage && /^ARG (\w+)="?(.*?)"?$/.exec(words)) || [];
        if (name !== undefined) this.#arguments.set(name, value ?? "");
        // Naming the image below builds nothing, nor does an argument in front of that.
        if (this.#isInStage && !words.startsWith("FROM ")) this.steps += 1;
        this.#step = { number: Number(number), of: Number(of), text: words };
        this.#options.onStep(this.#step);
      } else if (/^ ---> Using cache/.test(line)) this.cachedSteps += 1;
    }
  }
}

/** The words of OpenSSL, as npm and apt pass them on. */
function isOfCertificates(line: string): boolean {
  return /certificate|SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER)/i.test(line);
}

function proxies(): Record<string, string> {
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()]);
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
