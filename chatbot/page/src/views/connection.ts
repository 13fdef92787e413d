// Notices when the way to the assistant is gone, and when it is there again.

import { h } from "../dom";
import { t } from "../locales";

const FIRST_TRY_SECONDS = 2;
const LAST_TRY_SECONDS = 15;
const GOOD_NEWS_SECONDS = 4;

export class Connection {
  readonly element = h("div", { class: "banner", role: "status", hidden: true });
  readonly #back: () => void;
  #isDown = false;

  /** `back` is called when the assistant answers again. */
  constructor(back: () => void) {
    this.#back = back;
    addEventListener("offline", () => this.lost());
    addEventListener("online", () => void this.#try(FIRST_TRY_SECONDS));
    if (!navigator.onLine) this.lost();
  }

  /** Somebody could not reach the assistant. */
  lost(): void {
    this.#say(navigator.onLine ? t("unreachable") : t("offline"), false);
    if (this.#isDown) return;
    this.#isDown = true;
    this.#later(FIRST_TRY_SECONDS);
  }

  #later(seconds: number): void {
    setTimeout(() => void this.#try(Math.min(seconds * 1.5, LAST_TRY_SECONDS)), seconds * 1000);
  }

  async #try(nextSeconds: number): Promise<void> {
    if (!this.#isDown) return;
    const answer = await fetch(new URL("page/config.json", new URL("./", location.href)), { cache: "no-store" }).catch(() => undefined);
    if (!this.#isDown) return;
    if (answer?.ok && navigator.onLine) {
      this.#isDown = false;
      this.#say(t("back"), true);
      this.#back();
      setTimeout(() => !this.#isDown && (this.element.hidden = true), GOOD_NEWS_SECONDS * 1000);
    } else {
      this.#say(navigator.onLine ? t("unreachable") : t("offline"), false);
      this.#later(nextSeconds);
    }
  }

  #say(text: string, good: boolean): void {
    this.element.hidden = false;
    this.element.classList.toggle("good", good);
    if (this.element.textContent !== text) this.element.replaceChildren(text);
  }
}
