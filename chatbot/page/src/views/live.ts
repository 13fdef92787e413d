// What a screen reader says without being asked: whole sentences at turning points, never each word as it comes.

import { h } from "../dom";

export const live = h("div", { class: "unseen", role: "status", "aria-live": "polite" });

export function announce(text: string): void {
  // A text that is there already would not be said again.
  live.replaceChildren();
  setTimeout(() => live.append(text), 50);
}
