// What stands inside a paragraph, heading or cell: CommonMark's and GitHub's inline marks, without HTML and images.
// One pass over the text; what closes nothing is text.

import { h } from "../dom";
import { Ends, PUNCTUATION, WORD } from "./ends";

const DEEPEST = 12;
const SPECIAL = /[\\`*_~$[!<&\nh]/g;
const DESTINATION =
  /\(\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;
const UNFINISHED_DESTINATION = /\([^)\n]*$/y;
const ANGLED = /<(https?:\/\/[^\s<>]*|mailto:[^\s<>]*)>/y;
const BREAK = /<br\s*\/?>/y;
const BARE = /https?:\/\/[^\s<>"`|]+/y;
const ENTITY = /&(amp|lt|gt|quot|nbsp|#39);/y;
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", "#39": "'" };

/** What a place in the text turned out to be, and where the text goes on after it. */
interface Found {
  readonly node: Node | string;
  readonly end: number;
}

/** Where a link may lead; undefined for what is no plain web or mail address. */
export function safeUrl(url: string): string | undefined {
  if (!/^(https?:\/\/|mailto:)/i.test(url)) return undefined;
  return URL.canParse(url) ? new URL(url).href : undefined;
}

/** Renders text into an element; while it still grows (`open`), strong text and code may lack their end. */
export function renderInline(into: Node, text: string, open = false): void {
  new Inline(text, open, 0, false).render(into);
}

class Inline {
  readonly #text: string;
  readonly #open: boolean;
  readonly #depth: number;
  readonly #inLink: boolean;
  readonly #ends: Ends;

  constructor(text: string, open: boolean, depth: number, inLink: boolean) {
    this.#text = text;
    this.#ends = new Ends(text);
    this.#open = open;
    this.#depth = depth;
    this.#inLink = inLink;
  }

  render(into: Node): void {
    const text = this.#text;
    let plain = 0;
    let at = this.#depth < DEEPEST ? this.#special(0) : text.length;
    while (at < text.length) {
      const found = this.#find(at);
      if (found) {
        if (at > plain) into.appendChild(document.createTextNode(text.slice(plain, at)));
        into.appendChild(typeof found.node === "string" ? document.createTextNode(found.node) : found.node);
        plain = found.end;
      }
      at = this.#special(found?.end ?? at + this.#ends.run(at));
    }
    if (plain < text.length) into.appendChild(document.createTextNode(text.slice(plain)));
  }

  #special(from: number): number {
    SPECIAL.lastIndex = from;
    return SPECIAL.exec(this.#text)?.index ?? this.#text.length;
  }

  #find(at: number): Found | undefined {
    switch (this.#text[at]) {
      case "\\":
        return this.#escaped(at);
      case "`":
        return this.#code(at);
      case "*":
      case "_":
      case "~":
        return this.#emphasis(at);
      case "$":
        return this.#dollars(at);
      case "[":
        return this.#link(at, at);
      case "!":
        return this.#text[at + 1] === "[" ? this.#link(at + 1, at) : undefined;
      case "<":
        return this.#angled(at);
      case "&":
        return this.#entity(at);
      case "h":
        return this.#bare(at);
      default:
        return { node: h("br"), end: at + 1 };
    }
  }

  #escaped(at: number): Found | undefined {
    const next = this.#text[at + 1];
    if (next === "(" || next === "[") {
      const close = next === "(" ? "\\)" : "\\]";
      const end = this.#ends.next(close, at + 2);
      if (end !== undefined) return this.#formula(at, end + 2);
    }
    if (next === "\n") return { node: h("br"), end: at + 2 };
    return next !== undefined && PUNCTUATION.test(next) ? { node: next, end: at + 2 } : undefined;
  }

  #code(at: number): Found | undefined {
    const size = this.#ends.run(at);
    const close = this.#ends.ofCode(at + size, size);
    if (close === undefined && !(this.#open && size < 3)) return undefined;
    let content = this.#text.slice(at + size, close).replaceAll("\n", " ");
    if (/^ .*[^ ].* $/.test(content)) content = content.slice(1, -1);
    return { node: h("code", { dir: "ltr" }, content), end: close === undefined ? this.#text.length : close + size };
  }

  /** Runs of `*` and `_` by CommonMark's rules of flanking, `~~` likewise. */
  #emphasis(at: number): Found | undefined {
    const mark = this.#text[at] as string;
    const size = this.#ends.run(at);
    if (size > 3 || (mark === "~" && size !== 2) || !this.#ends.canOpen(at, size)) return undefined;
    const close = this.#ends.ofEmphasis(at + size, mark, size);
    if (close === undefined && !(this.#open && size === 2)) return undefined;
    const content = this.#text.slice(at + size, close);
    const inner = h(mark === "~" ? "s" : size === 2 ? "strong" : "em");
    this.#nested(content, this.#open && close === undefined).render(inner);
    return {
      node: size === 3 ? h("strong", {}, inner) : inner,
      end: close === undefined ? this.#text.length : close + size,
    };
  }

  /** `$x$` where it cannot be money: no blank inside at the ends, no digit behind; `$$x$$` anywhere. */
  #dollars(at: number): Found | undefined {
    if (this.#text[at + 1] === "$") {
      const end = this.#ends.next("$$", at + 2);
      return end === undefined ? undefined : this.#formula(at, end + 2);
    }
    if (/\s/.test(this.#text[at + 1] ?? " ")) return undefined;
    for (let end = at + 1; end < this.#text.length && this.#text[end] !== "\n"; end += 1) {
      if (this.#text[end] === "\\") end += 1;
      else if (this.#text[end] === "$") {
        const fits = !/\s/.test(this.#text[end - 1] as string) && !/\d/.test(this.#text[end + 1] ?? " ");
        return fits ? this.#formula(at, end + 1) : undefined;
      }
    }
    return undefined;
  }

  /** LaTeX as it was written, delimiters too. */
  #formula(at: number, end: number): Found {
    return { node: h("span", { class: "formula", dir: "ltr" }, this.#text.slice(at, end)), end };
  }

  /** `[label](address)`; of an image, which would be fetched from elsewhere, the link to it. */
  #link(bracket: number, at: number): Found | undefined {
    if (this.#inLink) return undefined;
    const close = this.#ends.ofLabel(bracket);
    if (close === undefined) return undefined;
    const label = this.#text.slice(bracket + 1, close);
    const match = matchAt(DESTINATION, this.#text, close + 1);
    if (match) {
      const href = safeUrl((match[1] ?? match[2] ?? "").replace(/\\([!-/:-@[-`{-~])/g, "$1"));
      if (!href) return undefined;
      const isImage = at !== bracket;
      const link = anchor(href, isImage ? { class: "picture" } : {});
      this.#nested(label || href, false, true).render(link);
      return { node: link, end: close + 1 + match[0].length };
    }
    if (this.#open && matchAt(UNFINISHED_DESTINATION, this.#text, close + 1)) {
      const unfinished = h("span");
      this.#nested(label, false, true).render(unfinished);
      return { node: unfinished, end: this.#text.length };
    }
    return undefined;
  }

  #angled(at: number): Found | undefined {
    const line = matchAt(BREAK, this.#text, at);
    if (line) return { node: h("br"), end: at + line[0].length };
    const link = matchAt(ANGLED, this.#text, at);
    const href = link && safeUrl(link[1] as string);
    return link && href ? { node: anchor(href, {}, link[1] as string), end: at + link[0].length } : undefined;
  }

  #entity(at: number): Found | undefined {
    const match = matchAt(ENTITY, this.#text, at);
    return match ? { node: ENTITIES[match[1] as string] as string, end: at + match[0].length } : undefined;
  }

  #bare(at: number): Found | undefined {
    if (this.#inLink || WORD.test(this.#text[at - 1] ?? " ")) return undefined;
    const match = matchAt(BARE, this.#text, at);
    if (!match) return undefined;
    let url = match[0];
    while (/[.,;:!?*_~'\])]$/.test(url)) {
      if (url.endsWith(")") && url.split("(").length >= url.split(")").length) break;
      url = url.slice(0, -1);
    }
    const href = safeUrl(url);
    return href ? { node: anchor(href, {}, url), end: at + url.length } : undefined;
  }

  #nested(text: string, open: boolean, inLink = this.#inLink): Inline {
    return new Inline(text, open, this.#depth + 1, inLink);
  }
}

function anchor(href: string, properties: { class?: string }, ...children: string[]): HTMLAnchorElement {
  const rel = "noopener noreferrer nofollow";
  return h("a", { href, title: href, rel, target: "_blank", ...properties }, ...children);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
