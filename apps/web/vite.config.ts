import { fileURLToPath } from "node:url";
import { ENDPOINTS } from "@slipway/protocol/endpoints";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const ROUTES = "virtual:slipway-routes";

/** The page needs method and path of each endpoint, and none of the schemas: types are checked when it is built, and the server checks what it gets. */
function routes(): Plugin {
  return {
    name: "slipway-routes",
    resolveId: (id) => (id === ROUTES ? `\0${ROUTES}` : undefined),
    load: (id) => {
      if (id !== `\0${ROUTES}`) return undefined;
      const table = Object.fromEntries(Object.entries(ENDPOINTS).map(([name, { method, path }]) => [name, [method, path]]));
      return `export const ROUTES = ${JSON.stringify(table)};`;
    },
  };
}

/** `SLIPWAY_URL`: the server that `npm run dev -w apps/web` shows, started with `--allowed-origin http://127.0.0.1:5173`. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [react(), routes()],
  build: {
    target: "es2023",
    // What browsers may not do here, a page of another origin could: nothing is fetched from elsewhere.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 400,
  },
  server: { host: "127.0.0.1", proxy: { "/v1": { target: process.env["SLIPWAY_URL"] ?? "http://127.0.0.1:4750", ws: true } } },
});
