// The text of an answer on its way into the page: in small portions, so that typing and scrolling stay smooth.

import { h } from "../dom";
import { Blocks } from "./blocks";
import { codeBlock } from "./code";

const PORTION = 2000;
const MILLISECONDS_A_FRAME = 6;
// Where a frame takes longer, the browser has much to lay out: it gets time for other things in between.
const SLOW_FRAME_MILLISECONDS = 50;
const LONGEST_PAUSE_MILLISECONDS = 1000;
// A page in the background gets no frames.
const BACKGROUND_MILLISECONDS = 250;

export class AnswerText {
  readonly #root: HTMLElement;
  readonly #blocks: Blocks;
  #plain: HTMLElement | undefined;
  #waiting = "";
  #ended = false;
  #scheduled = false;
  #pause = 0;
  #done: (() => void) | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#blocks = new Blocks(root, codeBlock);
  }

  write(text: string): void {
    this.#waiting += text;
    this.#schedule();
  }

  /** Resolves when everything stands in the page. */
  end(): Promise<void> {
    this.#ended = true;
    this.#schedule();
    return new Promise((resolve) => (this.#done = resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const go = () => this.#draw();
    const frame = () => (document.hidden ? go() : requestAnimationFrame(go));
    const pause = document.hidden ? BACKGROUND_MILLISECONDS : this.#pause;
    if (pause) setTimeout(frame, pause);
    else frame();
    this.#pause = 0;
  }

  #draw(): void {
    this.#scheduled = false;
    const started = performance.now();
    let taken = 0;
    while (taken < this.#waiting.length && performance.now() - started < MILLISECONDS_A_FRAME) {
      this.#take(this.#waiting.slice(taken, taken + PORTION), false);
      taken += PORTION;
    }
    this.#waiting = this.#waiting.slice(taken);
    if (!this.#waiting && this.#ended) this.#take("", true);
    requestAnimationFrame(() => {
      const milliseconds = performance.now() - started;
      this.#pause = milliseconds > SLOW_FRAME_MILLISECONDS ? Math.min(2 * milliseconds, LONGEST_PAUSE_MILLISECONDS) : 0;
    });
    if (this.#waiting) this.#schedule();
    else if (this.#ended) this.#done?.();
  }

  /** Nobody should miss an answer for a defect of ours: what cannot be drawn is shown as it is. */
  #take(text: string, isEnd: boolean): void {
    try {
      if (this.#plain) return this.#plain.append(text);
      this.#blocks.write(text);
      if (isEnd) this.#blocks.end();
      else this.#blocks.draw();
    } catch (error) {
      console.error(error);
      this.#plain = h("p", { class: "plain", dir: "auto" }, text);
      this.#root.append(this.#plain);
    }
  }
}
