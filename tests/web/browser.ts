import { glob, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Role } from "@slipway/protocol/accounts";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's Chromium, or the one that SLIPWAY_CHROMIUM names. */
const EXECUTABLE = process.env["SLIPWAY_CHROMIUM"] ?? "/usr/bin/chromium";

/** What a page of the tests may be opened with. */
export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
  /** As with the browser's zoom: 2 is 200 %. */
  readonly zoom?: number;
}

/** A page, and everything that it complained of. */
export interface OpenedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of scripts, lines of the console that are errors, and what the content security policy refused. A test of a healthy page ends with none. */
  readonly complaints: string[];
}

/** A real browser of a test file; every page has cookies of its own. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    await checkBuilt();
    // As root there is no sandbox of Chromium's own to be had; what it opens is our own server.
    return new TestBrowser(await chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox", "--disable-dev-shm-usage"] }));
  }

  /** Opens a page that is signed in with a token, as a browser is: by the session's cookie. Null: nobody is signed in. */
  async open(
    server: { readonly url: string; readonly tokens: Readonly<Partial<Record<Role, string>>> },
    path: string,
    role: Role | null,
    options: PageOptions = {},
  ): Promise<OpenedPage> {
    const { width = 1_280, height = 900, theme = "light", zoom = 1 } = options;
    const viewport = { width: Math.round(width / zoom), height: Math.round(height / zoom) };
    const context = await this.#browser.newContext({ viewport, deviceScaleFactor: zoom, colorScheme: theme, baseURL: server.url, serviceWorkers: "block" });
    if (role !== null) {
      const answer = await context.request.post("/v1/session", { data: { token: server.tokens[role] } });
      if (!answer.ok()) throw new Error(`could not sign in: ${answer.status()} ${await answer.text()}`);
    }
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(path);
    return { page, context, complaints };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

const WEB = join(import.meta.dirname, "../../apps/web");

/** What is tested is what the server serves: the built files. */
async function checkBuilt(): Promise<void> {
  const built = await stat(join(WEB, "dist/index.html")).catch(() => undefined);
  for await (const entry of glob("{src,public}/**/*.*", { cwd: WEB })) {
    if (!built || (await stat(join(WEB, entry))).mtimeMs > built.mtimeMs) throw new Error(`apps/web/${entry} is newer than the built dashboard: npm run build`);
  }
}
