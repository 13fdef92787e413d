// The assistant over HTTP: one place that knows its address, shows the token, and reads its errors.

import type { Problem } from "./conversation";

/** What the page is told before and after its user has been admitted; there is no secret in it. */
export interface Config {
  readonly name: string;
  readonly access: "None" | "Token" | "OIDC";
  readonly admitted: boolean;
  /** Where conversations are kept. */
  readonly conversations: "browser" | "server";
  readonly suggestions: readonly string[];
  readonly models: readonly string[];
}

/** Whose token is shown; `refused` is told of one that did not do, and gives whether there is another. */
export interface Credentials {
  token(): Promise<string | undefined>;
  refused(): Promise<boolean>;
}

/** An error that the assistant told of, in OpenAI's shape. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

/** Nobody answered, or the answer ended before its end. */
export class ConnectionError extends Error {
  readonly problem: Problem = { code: "connection_lost", message: "" };
}

export class Api {
  readonly #base = new URL("./", location.href);
  readonly #credentials: Credentials;
  /** Called when the assistant could not be reached. */
  onUnreachable: () => void = () => {};

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  config(): Promise<Config> {
    return this.json("page/config.json");
  }

  async json<Content>(path: string, init: RequestInit = {}): Promise<Content> {
    const response = await this.send(path, init);
    return this.#reachable(() => response.json() as Promise<Content>);
  }

  /** A response whose status is good; one more try with another token when the first is refused. */
  async send(path: string, init: RequestInit = {}, again = true): Promise<Response> {
    const headers = new Headers(init.headers);
    const token = await this.#credentials.token();
    if (token) headers.set("Authorization", `Bearer ${token}`);
    if (init.body) headers.set("Content-Type", "application/json");
    const address = new URL(path, this.#base);
    const response = await this.#reachable(() => fetch(address, { ...init, headers, credentials: "omit" }));
    if (response.ok) return response;
    if (response.status === 401 && token && again && (await this.#credentials.refused())) return this.send(path, init, false);
    throw new ApiError(response.status, await problemOf(response));
  }

  async #reachable<Result>(attempt: () => Promise<Result>): Promise<Result> {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") throw error;
      this.onUnreachable();
      throw new ConnectionError();
    }
  }
}

/** An error's body; proxies on the way have bodies of their own. */
export async function problemOf(response: Response): Promise<Problem> {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const until = Number.isFinite(seconds) ? { until: Date.now() + seconds * 1000 } : {};
  const body: unknown = await response.json().catch(() => undefined);
  return { ...problemIn(body, `http_${response.status}`), ...until };
}

/** The problem in an error's body or event. */
export function problemIn(body: unknown, code: string): Problem {
  const error = (body as { error?: { code?: unknown; message?: unknown } } | undefined)?.error;
  return {
    code: typeof error?.code === "string" ? error.code : code,
    message: typeof error?.message === "string" ? error.message : "",
  };
}
