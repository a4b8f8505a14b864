// What stands where content is missing: an error with a way on, or a sentence.
import { html } from "../html.js";
import { t } from "../texts/index.js";

export const Failure = ({ error, retry }) => html`<div class="state" role="alert">
  <p>${error.message}</p>
  ${retry && html`<button type="button" onClick=${retry}>${t("action.retry")}</button>`}
</div>`;

export const Empty = ({ text, children }) => html`<div class="state"><p>${text}</p>${children}</div>`;
