// The blocks that hold text. Each is an element that grows: what was drawn before stays, but for a paragraph's own text.

import { h } from "../dom";
import { renderInline } from "./inline";

/** A block that lines can still be added to. */
export interface Leaf {
  readonly kind: "text" | "code" | "formula" | "table";
  /** Text of the line that was begun last. */
  append(text: string): void;
  /** Another line. */
  addLine(line: string): void;
  /** Draw what came since the last time. */
  draw(): void;
  close(): void;
}

// A paragraph is drawn anew whenever it grows, so it must not grow for ever.
const LONGEST_PARAGRAPH = 4000;
// What a browser lays out as one piece.
const LINES_OF_A_PIECE = 100;

/** A paragraph or a heading. */
export class TextLeaf implements Leaf {
  readonly kind = "text";
  #element: HTMLElement;
  #text: string;
  #drawn = "";
  readonly isHeading: boolean;

  constructor(element: HTMLElement, text: string, isHeading: boolean) {
    this.#element = element;
    this.#text = text;
    this.isHeading = isHeading;
  }

  append(text: string): void {
    this.#text += text;
  }

  addLine(line: string): void {
    this.#text += `\n${line}`;
  }

  /** The last line, which is taken back when it turns out to be a table's head; the element goes when it was all. */
  takeLastLine(): string {
    const at = this.#text.lastIndexOf("\n");
    const line = this.#text.slice(at + 1);
    this.#text = this.#text.slice(0, Math.max(at, 0));
    if (!this.#text) this.#element.remove();
    return line;
  }

  get lastLine(): string {
    return this.#text.slice(this.#text.lastIndexOf("\n") + 1);
  }

  draw(): void {
    if (this.#text.length > LONGEST_PARAGRAPH) this.#split();
    this.#render(true);
  }

  close(): void {
    while (this.#text.length > LONGEST_PARAGRAPH && this.#split());
    if (this.isHeading) this.#text = this.#text.replace(/\s+#+\s*$/, "");
    this.#drawn = "";
    this.#render(false);
  }

  #render(open: boolean): void {
    if (this.#text === this.#drawn) return;
    this.#drawn = this.#text;
    this.#element.replaceChildren();
    renderInline(this.#element, this.#text.trimEnd(), open);
  }

  /** Finish the first part, and go on in an element of the same kind behind it. */
  #split(): boolean {
    const part = this.#text.slice(0, LONGEST_PARAGRAPH);
    const at = Math.max(part.lastIndexOf("\n"), 0) || Math.max(part.lastIndexOf(" "), 0) || LONGEST_PARAGRAPH;
    const rest = this.#text.slice(at + (at < LONGEST_PARAGRAPH ? 1 : 0));
    this.#text = this.#text.slice(0, at);
    this.#render(false);
    const next = this.#element.cloneNode(false) as HTMLElement;
    this.#element.after(next);
    this.#element = next;
    this.#text = rest;
    this.#drawn = "";
    if (rest.length > LONGEST_PARAGRAPH) return this.#split();
    return true;
  }
}

export type Highlight = (code: string, language: string, into: HTMLElement) => void;

/** Code, or a formula: text as it is, in pieces of some lines so that a browser need not lay out all of it anew. */
export class VerbatimLeaf implements Leaf {
  readonly kind: "code" | "formula";
  readonly #element: HTMLElement;
  readonly #finish: (piece: HTMLElement) => void;
  #piece: HTMLElement | undefined;
  #lines = 0;
  #waiting = "";
  #begun = false;

  constructor(kind: "code" | "formula", element: HTMLElement, finish: (piece: HTMLElement) => void = () => {}) {
    this.kind = kind;
    this.#element = element;
    this.#finish = finish;
  }

  append(text: string): void {
    this.#waiting += text;
    this.#begun = true;
  }

  addLine(line: string): void {
    this.#waiting += (this.#begun ? "\n" : "") + line;
    this.#begun = true;
    this.#lines += 1;
    if (this.#lines >= LINES_OF_A_PIECE) {
      this.#waiting += "\n";
      this.#begun = false;
      this.#end();
    }
  }

  draw(): void {
    if (!this.#waiting) return;
    if (this.#piece) (this.#piece.firstChild as Text).appendData(this.#waiting);
    else this.#element.append((this.#piece = h("span", { class: "piece" }, this.#waiting)));
    this.#waiting = "";
  }

  close(): void {
    this.#end();
  }

  #end(): void {
    this.draw();
    if (this.#piece) this.#finish(this.#piece);
    this.#piece = undefined;
    this.#lines = 0;
  }
}

/** A table; a row comes whole. A long one goes on in further tables, with columns of equal width. */
export class TableLeaf implements Leaf {
  readonly kind = "table";
  readonly #aligned: readonly string[];
  readonly #frame: HTMLElement;
  #body = h("tbody");

  constructor(into: HTMLElement, head: readonly string[], aligned: readonly string[], label: string) {
    this.#aligned = aligned;
    const table = h("table", {}, h("thead", {}, this.#row("th", head)), this.#body);
    this.#frame = h("div", { class: "table", role: "region", tabindex: 0, "aria-label": label }, h("div", { class: "piece" }, table));
    into.append(this.#frame);
  }

  append(): void {}

  addLine(line: string): void {
    if (this.#body.childElementCount === LINES_OF_A_PIECE) {
      this.#body = h("tbody");
      this.#frame.classList.add("long");
      this.#frame.append(h("div", { class: "piece" }, h("table", {}, this.#body)));
    }
    this.#body.append(this.#row("td", cellsOf(line)));
  }

  draw(): void {}

  close(): void {}

  #row(tag: "td" | "th", cells: readonly string[]): HTMLElement {
    const row = h("tr");
    for (const [column, aligned] of this.#aligned.entries()) {
      const cell = h(tag, { class: aligned, scope: tag === "th" ? "col" : undefined });
      renderInline(cell, cells[column] ?? "");
      row.append(cell);
    }
    return row;
  }
}

/** The cells of a row: between bars that are neither escaped nor in code. */
export function cellsOf(line: string): string[] {
  const cells: string[] = [];
  const text = line.trim();
  let cell = "";
  for (let at = text.startsWith("|") ? 1 : 0; at < text.length; at += 1) {
    const char = text[at] as string;
    const codeEnd = char === "`" ? text.indexOf("`", at + 1) : -1;
    if (char === "\\" && text[at + 1] === "|") cell += text[(at += 1)];
    else if (codeEnd > 0) {
      cell += text.slice(at, codeEnd + 1);
      at = codeEnd;
    } else if (char === "|") {
      cells.push(cell.trim());
      cell = "";
    } else cell += char;
  }
  if (cell.trim()) cells.push(cell.trim());
  return cells;
}

/** How the columns are aligned, by the row below a table's head; undefined when it is none. */
export function alignments(line: string): string[] | undefined {
  if (!/^[\s|:-]+$/.test(line) || !line.includes("-") || !/[|:]/.test(line)) return undefined;
  const cells = cellsOf(line);
  if (!cells.every((cell) => /^:?-+:?$/.test(cell))) return undefined;
  return cells.map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "centre" : "end") : "start"));
}
