// Where the conversation scrolls: it follows an answer as long as its reader has not scrolled away.

import { h, iconButton } from "../dom";
import { t } from "../locales";

const NEAR_PIXELS = 60;

export class Scroller {
  readonly element = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t("conversation") });
  readonly jump = iconButton("arrowDown", t("latest"), () => this.toEnd(), { class: "round-button jump", hidden: true });
  #follows = true;
  #top = 0;

  constructor() {
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  show(...content: HTMLElement[]): void {
    this.element.replaceChildren(...content);
    this.toEnd();
  }

  toEnd(): void {
    this.#follows = true;
    this.follow();
  }

  /** Something has grown. */
  follow(): void {
    if (this.#follows) this.element.scrollTop = this.element.scrollHeight;
    this.jump.hidden = this.#follows;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const isNear = scrollHeight - scrollTop - clientHeight < NEAR_PIXELS;
    // Only a reader scrolls up; the page itself just grows.
    if (isNear) this.#follows = true;
    else if (scrollTop < this.#top) this.#follows = false;
    this.#top = scrollTop;
    this.jump.hidden = isNear || this.#follows;
  }
}
