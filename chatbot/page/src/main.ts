// From an empty page to one that its user may chat on.

import { finishSignIn } from "./access/oidc";
import { Session } from "./access/session";
import { Api, ApiError, type Config } from "./api";
import { h } from "./dom";
import { t } from "./locales";
import { problemOfError, wordsOf } from "./problems";
import { App } from "./views/app";
import { applyTheme } from "./views/settings";
import { signInForm } from "./views/sign-in";

const AGAIN_MILLISECONDS = 3000;

applyTheme();
void start();

async function start(): Promise<void> {
  const session = new Session();
  const api = new Api(session);
  const failed = await finishSignIn(session);
  const config = await known(api, session);
  document.title = config.name;
  if (config.admitted) return enter(config);
  const form = signInForm(config, api, session, failed, enter);
  document.body.replaceChildren(h("main", { class: "gate" }, h("span", { class: "brand-mark large" }), h("h1", { dir: "auto" }, config.name), form));
  form.querySelector<HTMLElement>("[autofocus]")?.focus();

  function enter(told: Config): void {
    const app = new App(told, api, session);
    document.body.replaceChildren(app.element);
    app.start();
  }
}

/** What the assistant tells the page, however long it takes until it can be reached. */
async function known(api: Api, session: Session): Promise<Config> {
  for (;;) {
    try {
      return await api.config();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        session.hold(undefined);
        continue;
      }
      document.body.replaceChildren(h("main", { class: "gate" }, h("p", { role: "alert" }, wordsOf(problemOfError(error))), h("p", {}, t("loading"))));
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MILLISECONDS));
    }
  }
}
