// The top of the feed as the taste is now: what a change does is seen beside it.
import { recommendations } from "../api/items.js";
import { html } from "../html.js";
import { useCall } from "../state/call.js";
import { language, t } from "../texts/index.js";
import { Card } from "./card.js";

const SHOWN = 8;

export function Preview({ user, changes, version }) {
  const { data } = useCall(() => recommendations(user), [user, changes, version, language.get()]);
  return html`<section class="panel wide" aria-labelledby="preview-title" aria-live="off"><h2 id="preview-title">${t("taste.preview")}</h2>
    <div class="strip" tabindex="0" role="group" aria-labelledby="preview-title">${(data?.items ?? []).slice(0, SHOWN).map((item, index) => html`
      <${Card} key=${item.item_id} item=${item} level=${3} rank=${index + 1} surface=${{ list_id: "taste", position: index + 1 }} />`)}</div></section>`;
}
