// What a screen reader says without being asked: whole sentences at turning points, never each word as it comes.

import { h } from "../dom";

export const live = h("div", { class: "unseen", role: "status", "aria-live": "polite" });

const PAUSE_MILLISECONDS = 50;
let saying: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  clearTimeout(saying);
  // A text that is there already would not be said again.
  live.replaceChildren();
  saying = setTimeout(() => live.append(text), PAUSE_MILLISECONDS);
}
