// A block of code: its language, a button that copies it, and colours once a piece of it is whole.

import { h, icon } from "../dom";
import { t } from "../locales";
import { VerbatimLeaf } from "./leaves";

// Regular expressions are at work: a piece that is too long stays as it is.
const LONGEST_COLOURED = 20_000;
const NAMES: Record<string, readonly string[]> = {
  bash: ["sh", "shell", "zsh", "console"],
  c: ["h", "cpp", "c++", "cc", "csharp", "cs"],
  css: ["scss", "less"],
  diff: ["patch"],
  docker: ["dockerfile"],
  go: ["golang"],
  html: ["vue", "svelte"],
  ini: ["conf", "properties"],
  java: ["kotlin", "kt", "scala"],
  js: ["javascript", "jsx", "mjs"],
  json: ["json5", "jsonc", "jsonl"],
  py: ["python", "python3"],
  rs: ["rust"],
  sql: ["postgresql", "mysql", "sqlite"],
  toml: [],
  ts: ["typescript", "tsx"],
  xml: ["svg"],
  yaml: ["yml"],
};

export function codeBlock(language: string): { block: HTMLElement; leaf: VerbatimLeaf } {
  const code = h("code");
  const known = Object.keys(NAMES).find((name) => name === language || NAMES[name]?.includes(language));
  const copy = h("button", { type: "button", class: "quiet-button", "data-copy": "code" }, icon("copy"), t("copy"));
  const block = h(
    "figure",
    { class: "code", dir: "ltr" },
    h("figcaption", {}, h("span", {}, language || t("code")), copy),
    h("pre", { tabindex: 0, "aria-label": language ? `${t("code")}: ${language}` : t("code"), role: "region" }, code),
  );
  return { block, leaf: new VerbatimLeaf("code", code, (piece) => void (known && colour(piece, known))) };
}

async function colour(piece: HTMLElement, language: string): Promise<void> {
  if (piece.textContent.length > LONGEST_COLOURED) return;
  const { highlight } = await import("./highlight");
  highlight(piece, language);
}
