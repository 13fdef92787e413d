// A problem with an answer, and the way on.

import { h, icon } from "../dom";
import type { Problem } from "../conversation";
import { t } from "../locales";
import { secondsLeft, wordsOf } from "../problems";

/** Says what is wrong, counts down where there is something to wait for, and offers to try again. */
export function problemCard(problem: Problem, retry: () => void): HTMLElement {
  const text = h("p", { class: "problem-text" });
  const label = h("span", {}, t("retry"));
  const button = h("button", { type: "button", class: "button", on: { click: retry } }, icon("retry"), label);
  const card = h("div", { class: "problem" }, text, button);
  const tell = () => {
    const seconds = secondsLeft(problem);
    const words = wordsOf(problem);
    text.replaceChildren(seconds ? t("wait", { problem: words.replace(/[.。]$/, ""), seconds }) : words);
    button.disabled = seconds > 0;
    if (seconds > 0) setTimeout(() => card.isConnected && tell(), 1000);
  };
  // Once it stands in the page, so that a card that was taken out counts no more.
  queueMicrotask(tell);
  return card;
}
