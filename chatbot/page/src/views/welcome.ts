// What stands where a conversation is to begin.

import type { Config } from "../api";
import { h } from "../dom";
import { t } from "../locales";

/** The assistant's name, and questions to begin with. */
export function welcomeTo({ name, suggestions }: Config, ask: (question: string) => Promise<void>): HTMLElement {
  const asked = (question: string) => {
    for (const button of buttons) button.disabled = true;
    ask(question).catch(() => buttons.forEach((button) => (button.disabled = false)));
  };
  const buttons: HTMLButtonElement[] = suggestions.map((question) =>
    h("button", { type: "button", class: "suggestion", dir: "auto", on: { click: () => asked(question) } }, question),
  );
  return h(
    "div",
    { class: "welcome" },
    h("span", { class: "brand-mark large", "aria-hidden": "true" }),
    h("p", { class: "welcome-name", dir: "auto" }, name),
    h("p", { class: "welcome-text" }, t("greeting")),
    buttons.length > 0 && h("div", { class: "suggestions", role: "group", "aria-label": t("suggestions") }, ...buttons),
  );
}
