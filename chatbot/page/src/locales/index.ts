// Which language the page speaks, and how it writes numbers and dates.

import { lasting } from "../storage";
import { de } from "./de";
import { en, type Words } from "./en";
import { es } from "./es";
import { fr } from "./fr";
import { zh } from "./zh";

/** By their code; a new language is a file like these and a line here. */
export const LANGUAGES: Record<string, { readonly name: string; readonly words: Words; readonly direction?: "rtl" }> = {
  de: { name: "Deutsch", words: de },
  en: { name: "English", words: en },
  es: { name: "Español", words: es },
  fr: { name: "Français", words: fr },
  zh: { name: "中文", words: zh },
};

const chosen = lasting.get("language");
const wanted = [...(chosen ? [chosen] : []), ...navigator.languages].map((tag) => tag.split("-")[0] as string);
export const language = wanted.find((code) => code in LANGUAGES) ?? "en";
const { words, direction = "ltr" } = LANGUAGES[language] as (typeof LANGUAGES)[string];
// Numbers as the reader's region writes them; some browsers have tags that are none.
const region = navigator.languages.find((tag) => tag.split("-")[0] === language && /^[a-zA-Z0-9-]+$/.test(tag)) ?? language;

document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
document.documentElement.dir = direction;

export type Word = keyof Words;

/** Words in the reader's language. */
export function t(word: Word, values: Readonly<Record<string, string | number>> = {}): string {
  return words[word].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export function isWord(word: string): word is Word {
  return word in en;
}

/** Have the page speak another language; undefined for that of the browser. */
export function chooseLanguage(code: string | undefined): void {
  lasting.set("language", code);
  location.reload();
}

const plain = new Intl.NumberFormat(region, { maximumFractionDigits: 2 });
const dollars = new Intl.NumberFormat(region, { style: "currency", currency: "USD", maximumSignificantDigits: 3 });

export const number = (value: number): string => plain.format(value);
export const money = (value: number): string => dollars.format(value);
