import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

// Of the libraries in the page, this one's licence asks to be named; the other one's is CC0.
const licence = readFileSync("node_modules/eventsource-parser/LICENSE", "utf8").trim();

// Relative addresses throughout: the page is served below any path.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../chatassistant_chatbot/static",
    emptyOutDir: true,
    // Those of May 2024 and later: the newest thing that is used is CSS's light-dark().
    target: ["chrome123", "edge123", "firefox125", "safari17.5"],
    modulePreload: { polyfill: false },
    // A data: URL would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: { postBanner: ({ isEntry }) => (isEntry ? `/*! eventsource-parser: ${licence} */` : "") },
    },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8080", "/page": "http://127.0.0.1:8080" } },
});
