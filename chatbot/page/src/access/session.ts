// The token that is shown to the assistant, kept for this tab as long as it is open.

import type { Credentials } from "../api";
import { session as shelf } from "../storage";

const NAME = "access";
const REFRESH_BEFORE_SECONDS = 30;

/** What the assistant hands on of its issuer's answer. */
export interface Tokens {
  readonly token: string;
  readonly refresh_token?: string;
  readonly expires_in?: number;
}

interface Held {
  readonly token: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since 1970. */
  readonly expires?: number | undefined;
}

export class Session implements Credentials {
  #held: Held | undefined = JSON.parse(shelf.get(NAME) ?? "null") ?? undefined;
  #refreshing: Promise<boolean> | undefined;
  #asking: Promise<boolean> | undefined;
  /** Has the user sign in once more; gives whether they did. */
  askUser: (() => Promise<boolean>) | undefined;

  async token(): Promise<string | undefined> {
    const expires = this.#held?.expires ?? Infinity;
    if (expires - Date.now() < REFRESH_BEFORE_SECONDS * 1000) await this.#refresh();
    return this.#held?.token;
  }

  async refused(): Promise<boolean> {
    if (await this.#refresh()) return true;
    this.#asking ??= this.askUser?.().finally(() => (this.#asking = undefined));
    return (await this.#asking) ?? false;
  }

  hold(tokens: Tokens | undefined): void {
    this.#held = tokens && {
      token: tokens.token,
      refreshToken: tokens.refresh_token,
      expires: tokens.expires_in === undefined ? undefined : Date.now() + tokens.expires_in * 1000,
    };
    shelf.set(NAME, this.#held && JSON.stringify(this.#held));
  }

  /** Whose conversations this browser keeps: the subject that the token names, if it is one that names any. */
  get owner(): string {
    const payload = this.#held?.token.split(".")[1] ?? "";
    try {
      const { iss = "", sub = "" } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as Record<string, string>;
      return `${iss} ${sub}`.trim();
    } catch {
      return "";
    }
  }

  #refresh(): Promise<boolean> {
    this.#refreshing ??= this.#exchange().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #exchange(): Promise<boolean> {
    if (!this.#held?.refreshToken) return false;
    const tokens = await redeem({ refresh_token: this.#held.refreshToken }).catch(() => undefined);
    if (tokens) this.hold({ refresh_token: this.#held.refreshToken, ...tokens });
    return tokens !== undefined;
  }
}

/** Have the assistant ask its issuer for tokens; undefined when the issuer gives none. */
export async function redeem(grant: Readonly<Record<string, string>>): Promise<Tokens | undefined> {
  const response = await fetch(new URL("page/token", new URL("./", location.href)), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    credentials: "omit",
    body: JSON.stringify(grant),
  });
  return response.ok ? ((await response.json()) as Tokens) : undefined;
}
