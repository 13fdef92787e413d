// What the user can choose for this browser.

import { h, textButton } from "../dom";
import { chooseLanguage, LANGUAGES, t } from "../locales";
import { lasting } from "../storage";
import { showDialog } from "./dialogs";

const THEME = "appearance";

/** Dress the page as it was chosen; without a choice, as the system says. */
export function applyTheme(): void {
  const theme = lasting.get(THEME);
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

export function showSettings(note: string, signOut: (() => void) | undefined): void {
  const languages = Object.entries(LANGUAGES).map(([code, { name }]) => [code, name] as const);
  const themes = [["light", t("light")] as const, ["dark", t("dark")] as const];
  const keys = [
    ["Enter", t("keySend")],
    ["Shift + Enter", t("keyNewLine")],
    ["Esc", t("keyStop")],
    ["/", t("keyWrite")],
    ["Ctrl + K", t("keySearch")],
  ];
  const dialog = showDialog(
    t("settings"),
    choice(t("language"), languages, lasting.get("language"), chooseLanguage),
    choice(t("appearance"), themes, lasting.get(THEME), (theme) => {
      lasting.set(THEME, theme);
      applyTheme();
    }),
    h("h3", {}, t("keys")),
    h("dl", { class: "keys" }, ...keys.flatMap(([key, use]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, use)])),
    h("p", { class: "note" }, note),
    h(
      "div",
      { class: "dialog-buttons" },
      signOut && textButton(t("signOut"), signOut),
      textButton(t("close"), () => dialog.close(), { class: "button primary" }),
    ),
  );
}

function choice(
  label: string,
  options: readonly (readonly [string, string])[],
  chosen: string | undefined,
  choose: (value: string | undefined) => void,
): HTMLElement {
  const all = [["", t("automatic")] as const, ...options];
  const select = h(
    "select",
    { class: "input", on: { change: () => choose(select.value || undefined) } },
    ...all.map(([value, name]) => h("option", { value, selected: value === (chosen ?? "") }, name)),
  );
  return h("label", { class: "choice" }, h("span", {}, label), select);
}
