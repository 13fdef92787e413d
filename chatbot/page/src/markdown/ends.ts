// Where what begins in a text ends. Looking for ends in vain is bounded: a model may say anything.

export const PUNCTUATION = /[!-/:-@[-`{-~]/;
export const WORD = /[\p{L}\p{N}]/u;
const LONGEST_LABEL = 1000;
const MOST_VAIN_SEARCHES = 50;

export class Ends {
  readonly #text: string;
  /** From where on there is no run of so many backticks. */
  readonly #codeless = new Map<number, number>();
  #vain = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** How often the character is there in a row. */
  run(at: number): number {
    const mark = this.#text[at];
    let end = at + 1;
    while (this.#text[end] === mark) end += 1;
    return end - at;
  }

  /** The next place of some characters. */
  next(what: string, from: number): number | undefined {
    return this.#sought(() => {
      const found = this.#text.indexOf(what, from);
      return found < 0 ? undefined : found;
    });
  }

  /** The next run of just so many backticks. */
  ofCode(from: number, size: number): number | undefined {
    if (from >= (this.#codeless.get(size) ?? Infinity)) return undefined;
    for (let at = this.#text.indexOf("`", from); at >= 0; at = this.#text.indexOf("`", at)) {
      const length = this.run(at);
      if (length === size) return at;
      at += length;
    }
    this.#codeless.set(size, from);
    return undefined;
  }

  /** The run that closes emphasis of this mark and size. */
  ofEmphasis(from: number, mark: string, size: number): number | undefined {
    return this.#sought(() => this.#emphasisEnd(from, mark, size));
  }

  #emphasisEnd(from: number, mark: string, size: number): number | undefined {
    const inner: number[] = [];
    for (let at = from; at < this.#text.length; at += 1) {
      const char = this.#text[at];
      if (char === "\\") at += 1;
      else if (char === "`") at = this.#afterCode(at) - 1;
      else if (char === mark) {
        const length = this.run(at);
        let left = length;
        if (this.#canClose(at, length)) {
          const same = inner.lastIndexOf(length);
          if (same >= 0) {
            inner.length = same;
            left = 0;
          } else if (length === size) return at;
          for (let top = inner.at(-1); top !== undefined && top <= left; top = inner.at(-1)) {
            inner.pop();
            left -= top;
          }
          if (left >= size && inner.length === 0) return at + length - left;
        }
        if (left > 0 && this.canOpen(at, length)) inner.push(left);
        at += length - 1;
      }
    }
    return undefined;
  }

  #afterCode(at: number): number {
    const size = this.run(at);
    return (this.ofCode(at + size, size) ?? at) + size;
  }

  canOpen(at: number, size: number): boolean {
    const before = this.#text[at - 1] ?? " ";
    const after = this.#text[at + size] ?? " ";
    if (/\s/.test(after) || (this.#text[at] === "_" && WORD.test(before))) return false;
    return !PUNCTUATION.test(after) || /\s/.test(before) || PUNCTUATION.test(before);
  }

  #canClose(at: number, size: number): boolean {
    const before = this.#text[at - 1] ?? " ";
    const after = this.#text[at + size] ?? " ";
    if (/\s/.test(before) || (this.#text[at] === "_" && WORD.test(after))) return false;
    return !PUNCTUATION.test(before) || /\s/.test(after) || PUNCTUATION.test(after) || !WORD.test(after);
  }

  /** The bracket that closes a label. */
  ofLabel(bracket: number): number | undefined {
    return this.#sought(() => {
      let depth = 0;
      for (let at = bracket; at < Math.min(this.#text.length, bracket + LONGEST_LABEL); at += 1) {
        const char = this.#text[at];
        if (char === "\\") at += 1;
        else if (char === "`") at = this.#afterCode(at) - 1;
        else if (char === "[") depth += 1;
        else if (char === "]" && --depth === 0) return at;
      }
      return undefined;
    });
  }

  #sought(find: () => number | undefined): number | undefined {
    if (this.#vain >= MOST_VAIN_SEARCHES) return undefined;
    const found = find();
    if (found === undefined) this.#vain += 1;
    return found;
  }
}
