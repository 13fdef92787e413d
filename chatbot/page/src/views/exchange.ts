// A question and its answer in the page.

import { copy } from "../copying";
import { h, icon, iconButton } from "../dom";
import { isWorthKeeping, type Answer, type Exchange, type Problem, type ToolRun } from "../conversation";
import { t } from "../locales";
import { AnswerText } from "../markdown/answer";
import { detailsOf } from "./details";
import { problemCard } from "./problem";
import { ToolList } from "./tools";

/** What the user can do with it. */
export interface ExchangeActions {
  readonly edit: () => void;
  readonly retry: () => void;
}

export class ExchangeView {
  readonly element: HTMLElement;
  readonly #exchange: Exchange;
  readonly #actions: ExchangeActions;
  readonly #answer = h("div", { class: "answer" });
  readonly #name: string;
  #tools = new ToolList();
  #text: AnswerText | undefined;
  #waiting = h("div", { class: "waiting", hidden: true }, h("span"), h("span"), h("span"));

  constructor(exchange: Exchange, name: string, actions: ExchangeActions) {
    this.#exchange = exchange;
    this.#name = name;
    this.#actions = actions;
    const buttons = h(
      "div",
      { class: "actions" },
      copyButton(() => exchange.question),
      iconButton("edit", t("edit"), actions.edit),
    );
    this.element = h(
      "article",
      { class: "exchange" },
      h(
        "div",
        { class: "question" },
        h("h2", { class: "unseen" }, t("question")),
        h("div", { class: "bubble", dir: "auto" }, exchange.question),
        buttons,
      ),
      this.#answer,
    );
  }

  /** Show an exchange that is over; resolves when all of it stands there. */
  async showWhole(): Promise<void> {
    this.begin();
    const { answer } = this.#exchange;
    this.showTools(answer?.tools ?? []);
    this.write(answer?.text ?? "");
    await this.end();
  }

  /** An answer is on its way. */
  begin(): void {
    this.#tools = new ToolList();
    const text = h("div", { class: "markdown" });
    this.#text = new AnswerText(text);
    this.#waiting.hidden = false;
    this.#answer.setAttribute("aria-busy", "true");
    this.#answer.replaceChildren(h("h2", { class: "unseen" }, this.#name), this.#tools.element, text, this.#waiting);
  }

  write(text: string): void {
    if (!text) return;
    this.#waiting.hidden = true;
    this.#text?.write(text);
  }

  showTools(runs: readonly ToolRun[]): void {
    this.#tools.show(runs);
    if (runs.some(({ state }) => state === "running")) this.#waiting.hidden = true;
  }

  /** Nothing more comes. */
  async end(): Promise<void> {
    this.#waiting.hidden = true;
    await this.#text?.end();
    this.#answer.removeAttribute("aria-busy");
    const { answer, problem } = this.#exchange;
    const notes = [answer?.stopped && t("stopped"), answer?.cut && t("cut")].filter((note) => note);
    for (const note of notes) this.#answer.append(h("p", { class: "note" }, note as string));
    const known = problem ?? (isWorthKeeping(answer) || answer?.stopped ? undefined : { code: "interrupted", message: "" });
    if (known) this.#answer.append(problemCard(known, this.#actions.retry));
    if (isWorthKeeping(answer) || answer?.stopped) this.#answer.append(...this.#footer(answer as Answer, known));
  }

  #footer(answer: Answer, problem: Problem | undefined): HTMLElement[] {
    const [toggle, details] = detailsOf(answer);
    const copying = answer.text && copyButton(() => answer.text);
    const again = !problem && iconButton("retry", t("askAgain"), this.#actions.retry);
    const row = h("div", { class: "actions" }, copying, again, toggle);
    return details ? [row, details] : [row];
  }
}

function copyButton(text: () => string): HTMLButtonElement {
  const button: HTMLButtonElement = iconButton("copy", t("copy"), () => {
    void copy(text());
    sayCopied(button);
  });
  return button;
}

/** Have a button say for a moment that something was copied. */
export function sayCopied(button: HTMLElement): void {
  const drawing = button.querySelector("svg");
  if (!drawing || button.classList.contains("copied")) return;
  const done = icon("check");
  const label = button.getAttribute("aria-label");
  button.classList.add("copied");
  button.setAttribute("aria-label", t("copied"));
  drawing.replaceWith(done);
  setTimeout(() => {
    button.classList.remove("copied");
    if (label === null) button.removeAttribute("aria-label");
    else button.setAttribute("aria-label", label);
    done.replaceWith(drawing);
  }, 1500);
}
