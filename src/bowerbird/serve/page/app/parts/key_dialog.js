// Asks for an API key where the server wants one.
import { keyRequest } from "../api/request.js";
import { html } from "../html.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";
import { Dialog } from "./dialog.js";

export function KeyDialog() {
  const request = useStore(keyRequest);
  if (!request) return null;
  const submit = (event) => {
    event.preventDefault();
    request.resolve(new FormData(event.target).get("key").trim());
  };
  return html`<${Dialog} title=${t("key.title")} close=${() => request.resolve("")}>
    <form class="fields" onSubmit=${submit}>
      <label>${t("key.label")}<input name="key" required autocomplete="off" spellcheck="false" autofocus /></label>
      <p class="hint">${t("key.hint")}</p>
      <button class="primary">${t("action.ok")}</button>
    </form>
  <//>`;
}
