// Where the conversation scrolls: it follows an answer as long as its reader has not scrolled away.

import { h, iconButton } from "../dom";
import { t } from "../locales";

const NEAR_PIXELS = 60;

export class Scroller {
  readonly element = h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t("conversation") });
  readonly jump = iconButton("arrowDown", t("latest"), () => this.toEnd(), { class: "round-button jump", hidden: true });
  readonly #content = new ResizeObserver(() => this.#follow());
  #follows = true;
  #top = 0;
  #height = 0;

  constructor() {
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  show(...content: HTMLElement[]): void {
    this.#content.disconnect();
    this.element.replaceChildren(...content);
    for (const each of content) this.#content.observe(each);
    this.toEnd();
  }

  toEnd(): void {
    this.#follows = true;
    this.#follow();
  }

  #follow(): void {
    if (this.#follows) this.element.scrollTop = this.element.scrollHeight;
    this.jump.hidden = this.#follows;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    // Content that turns out smaller than estimated moves what is seen as well; but then there is less of it.
    const byReader = scrollTop < this.#top && scrollHeight >= this.#height;
    if (scrollHeight - scrollTop - clientHeight < NEAR_PIXELS) this.#follows = true;
    else if (byReader) this.#follows = false;
    this.#top = scrollTop;
    this.#height = scrollHeight;
    this.jump.hidden = this.#follows;
  }
}
