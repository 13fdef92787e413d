// Questions to the user that must be answered first.

import { h, textButton, type Child } from "../dom";
import { t } from "../locales";

/** A dialogue with a heading; gives the element, which shows itself and leaves by itself when it is closed. */
export function showDialog(title: string, ...children: Child[]): HTMLDialogElement {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, heading, ...children);
  dialog.addEventListener("close", () => dialog.remove());
  // A click beside it closes it; clicks inside have a target of their own.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A line of text from the user; undefined when they think better of it. */
export function askForText(title: string, value: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const input = h("input", { class: "input", type: "text", dir: "auto", "aria-label": title, maxlength: 200 });
    input.value = value;
    const form = h(
      "form",
      {
        on: {
          submit: (event) => {
            event.preventDefault();
            resolve(input.value.trim() || undefined);
            dialog.close();
          },
        },
      },
      input,
      h(
        "div",
        { class: "dialog-buttons" },
        textButton(t("cancel"), () => dialog.close()),
        h("button", { class: "button primary" }, t("save")),
      ),
    );
    const dialog = showDialog(title, form);
    dialog.addEventListener("close", () => resolve(undefined));
    input.select();
  });
}

/** Whether the user wants it. */
export function confirmed(question: string, label: string): Promise<boolean> {
  return new Promise((resolve) => {
    const answer = (yes: boolean) => () => {
      resolve(yes);
      dialog.close();
    };
    const dialog = showDialog(
      question,
      h(
        "div",
        { class: "dialog-buttons" },
        textButton(t("cancel"), answer(false), { autofocus: true }),
        textButton(label, answer(true), { class: "button danger" }),
      ),
    );
    dialog.addEventListener("close", () => resolve(false));
  });
}
