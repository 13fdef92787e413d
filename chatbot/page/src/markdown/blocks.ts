// Markdown as it arrives: text goes in as the model says it, elements grow at the end, and nothing that stands is
// touched again. Lines make blocks by CommonMark's rules, a little more lenient about indents, as models need it;
// there is no HTML, no code by indent and no underlined heading.

import { h } from "../dom";
import { t } from "../locales";
import { FENCE, FORMULA, HEADING, ITEM, MAY_CLOSE, RULE, TASK, UNDECIDED } from "./grammar";
import { alignments, cellsOf, TableLeaf, TextLeaf, VerbatimLeaf, type Leaf } from "./leaves";

const DEEPEST = 16;
// Of a list; a browser lays one out as a whole.
const MOST_ITEMS = 100;
interface Container {
  readonly kind: "quote" | "list" | "item";
  readonly element: HTMLElement;
  /** Of an item: how far what belongs to it is indented, at least and properly. */
  readonly least: number;
  readonly full: number;
}

/** Makes the element of a code block, into whose `code` the text goes. */
export type CodeBlock = (language: string) => { block: HTMLElement; leaf: VerbatimLeaf };

export class Blocks {
  readonly #root: HTMLElement;
  readonly #codeBlock: CodeBlock;
  #containers: Container[] = [];
  #leaf: Leaf | undefined;
  #closing = "";
  #held = "";
  #inLine = false;
  #firstHeading = 0;
  #lastHeading = 2;

  constructor(root: HTMLElement, codeBlock: CodeBlock) {
    this.#root = root;
    this.#codeBlock = codeBlock;
  }

  write(text: string): void {
    const lines = (this.#held + text).split("\n");
    this.#held = lines.pop() as string;
    for (const line of lines) this.#take(line.replace(/\r$/, ""), true);
    if (this.#held && (this.#inLine || !this.#isUndecided(this.#held))) {
      this.#take(this.#held, false);
      this.#held = "";
    }
  }

  draw(): void {
    this.#leaf?.draw();
  }

  end(): void {
    if (this.#held) this.#take(this.#held, true);
    this.#held = "";
    this.#closeLeaf();
  }

  #isUndecided(line: string): boolean {
    switch (this.#leaf?.kind) {
      case "code":
      case "formula":
        return MAY_CLOSE.test(line) || (this.#containers.length > 0 && !line.trim());
      case "table":
        return true;
      default:
        return UNDECIDED.test(line.replace(/^[\s>]+/, "").trimEnd());
    }
  }

  #take(line: string, isWhole: boolean): void {
    if (this.#inLine) this.#leaf?.append(line);
    else this.#begin(line);
    this.#inLine = !isWhole;
  }

  #begin(line: string): void {
    const { matched, rest } = this.#match(line);
    if (this.#leaf?.kind === "code" || this.#leaf?.kind === "formula") {
      const left = this.#containers.slice(matched).some((each) => each.kind === "quote");
      if (!left) return this.#verbatim(rest);
    }
    const content = rest.trimStart();
    if (!content) return this.#blank(matched);
    const whole = matched === this.#containers.length;
    if (this.#leaf && !this.#starts(content, whole) && this.#goesOn(content, whole)) return;
    this.#open(rest, matched);
  }

  /** How many of the open containers the line belongs to, and what is left of it. */
  #match(line: string): { matched: number; rest: string } {
    let rest = line.replace(/^[ \t]+/, (blank) => blank.replaceAll("\t", "    "));
    let matched = 0;
    for (const each of this.#containers) {
      if (each.kind === "quote") {
        const quoted = /^ *> ?(.*)$/.exec(rest);
        if (!quoted) break;
        rest = quoted[1] as string;
      } else if (each.kind === "item" && rest.trim()) {
        const indent = rest.length - rest.trimStart().length;
        if (indent < each.least) break;
        rest = rest.slice(Math.min(indent, each.full));
      }
      matched += 1;
    }
    return { matched, rest };
  }

  #verbatim(line: string): void {
    const leaf = this.#leaf as VerbatimLeaf;
    const trimmed = line.trim();
    if (leaf.kind === "code") {
      const closes = trimmed.startsWith(this.#closing) && !trimmed.replaceAll(this.#closing[0] as string, "");
      if (closes) return this.#closeLeaf();
      return leaf.addLine(line);
    }
    leaf.addLine(line);
    if (trimmed.endsWith(this.#closing)) this.#closeLeaf();
  }

  #blank(matched: number): void {
    this.#closeLeaf();
    const quote = this.#containers.findIndex((each, index) => index >= matched && each.kind === "quote");
    if (quote >= 0) this.#containers.length = quote;
  }

  /** Whether a line begins a block of its own. */
  #starts(content: string, whole: boolean): boolean {
    const item = ITEM.exec(content);
    // In the midst of a paragraph, only 1 begins a list: others are years and other numbers.
    if (item) return !(whole && this.#leaf?.kind === "text" && ((item[2] ?? "1") !== "1" || !item[3]));
    return content.startsWith(">") || [FENCE, HEADING, RULE, FORMULA].some((each) => each.test(content));
  }

  /** Add the line to the open paragraph or table, when it belongs there. */
  #goesOn(content: string, whole: boolean): boolean {
    const leaf = this.#leaf as Leaf;
    if (leaf instanceof TextLeaf && !leaf.isHeading) {
      const aligned = whole && leaf.lastLine.includes("|") ? alignments(content) : undefined;
      if (aligned && cellsOf(leaf.lastLine).length === aligned.length) this.#table(leaf, aligned);
      else leaf.addLine(content);
      return true;
    }
    if (leaf.kind !== "table" || !whole || !content.includes("|")) return false;
    leaf.addLine(content);
    return true;
  }

  #table(leaf: TextLeaf, aligned: string[]): void {
    const head = leaf.takeLastLine();
    this.#closeLeaf();
    this.#leaf = new TableLeaf(this.#inner, cellsOf(head), aligned, t("table"));
  }

  #open(line: string, matched: number): void {
    this.#closeLeaf();
    this.#containers.length = matched;
    let rest = line;
    for (;;) {
      const content = rest.trimStart();
      const item = RULE.test(content) ? null : ITEM.exec(content);
      if (content.startsWith(">") && this.#containers.length < DEEPEST) {
        this.#leaveList();
        this.#push("quote", h("blockquote"));
        rest = content.slice(1).replace(/^ /, "");
      } else if (item && this.#containers.length < DEEPEST) {
        this.#item(item, rest.length - content.length);
        rest = this.#task(content.slice(item[0].length));
      } else break;
    }
    const content = rest.trimStart();
    if (content) this.#block(content);
  }

  #item(item: RegExpExecArray, lead: number): void {
    const [marker, , number, blank = ""] = item;
    const tag = number === undefined ? "ul" : "ol";
    const top = this.#containers.at(-1);
    const list = top?.kind === "list" && top.element.localName === tag ? top.element : undefined;
    if (!list || list.childElementCount >= MOST_ITEMS) {
      this.#leaveList();
      const before = list?.getAttribute("start") ?? "1";
      const start = list ? Number(before) + list.childElementCount : Number(number ?? 1);
      this.#push("list", h(tag, { start: tag === "ol" && start !== 1 ? start : undefined, class: list && "continued" }));
    }
    this.#push("item", h("li"), lead + 2, lead + marker.length - blank.length + Math.max(1, blank.length));
  }

  #task(content: string): string {
    const task = TASK.exec(content);
    if (!task) return content;
    const done = task[1] !== " ";
    const item = this.#inner;
    item.classList.add("task");
    item.append(h("input", { type: "checkbox", disabled: true, checked: done, "aria-label": t(done ? "done" : "open") }));
    return content.slice(task[0].length);
  }

  #block(content: string): void {
    this.#leaveList();
    const fence = FENCE.exec(content);
    const heading = HEADING.exec(content);
    const formula = FORMULA.exec(content);
    if (fence) {
      const { block, leaf } = this.#codeBlock((fence[2] ?? "").trim().split(/\s/)[0]?.toLowerCase() ?? "");
      this.#inner.append(block);
      this.#leaf = leaf;
      this.#closing = fence[1] as string;
    } else if (RULE.test(content)) this.#inner.append(h("hr"));
    else if (heading) this.#text(this.#headingTag((heading[1] as string).length), heading[2] ?? "");
    else if (formula && !this.#endsHere(formula)) this.#formula(formula[1] as string, content);
    else this.#text("p", content);
  }

  /** Below the page's own headings, and none left out on the way down, whatever a model begins with. */
  #headingTag(level: number): "h3" {
    this.#firstHeading ||= level;
    const below = 3 + Math.max(0, level - this.#firstHeading);
    this.#lastHeading = Math.min(below, this.#lastHeading + 1, 6);
    return `h${this.#lastHeading}` as "h3";
  }

  /** Whether a formula ends in the line in which it begins; then it is a part of a paragraph. */
  #endsHere(formula: RegExpExecArray): boolean {
    return (formula[2] as string).includes(formula[1] === "$$" ? "$$" : "\\]");
  }

  #formula(opening: string, line: string): void {
    const element = h("div", { class: "formula", dir: "ltr" });
    this.#inner.append(element);
    this.#leaf = new VerbatimLeaf("formula", element);
    this.#leaf.addLine(line);
    this.#closing = opening === "$$" ? "$$" : "\\]";
  }

  #text(tag: "p" | "h3", text: string): void {
    const element = h(tag, { dir: "auto" });
    this.#inner.append(element);
    this.#leaf = new TextLeaf(element, text, tag !== "p");
  }

  get #inner(): HTMLElement {
    return this.#containers.at(-1)?.element ?? this.#root;
  }

  #push(kind: Container["kind"], element: HTMLElement, least = 0, full = 0): void {
    this.#inner.append(element);
    this.#containers.push({ kind, element, least, full });
  }

  /** Nothing but an item can stand in a list. */
  #leaveList(): void {
    if (this.#containers.at(-1)?.kind === "list") this.#containers.pop();
  }

  #closeLeaf(): void {
    this.#leaf?.close();
    this.#leaf = undefined;
  }
}
