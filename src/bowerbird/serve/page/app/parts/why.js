// Why an item may suit the shopper: true sentences, and what they liked that is like it.
import { explanation } from "../api/items.js";
import { html } from "../html.js";
import { useCall } from "../state/call.js";
import { itemAddress } from "../state/route.js";
import { t } from "../texts/index.js";
import { Thumbnail } from "./picture.js";

const MOST_LIKES = 5;

export function Why({ user, item }) {
  const { data, isLoading } = useCall(() => explanation(user, item.item_id), [user, item.item_id]);
  if (!data) return isLoading ? html`<section class="why-panel" aria-busy="true" aria-label=${t("item.why")}></section>` : null;
  const sentences = data.explanation.length ? data.explanation : [t("item.noWhy")];
  return html`<section class="why-panel" aria-label=${t("item.why")}><h3>${t("item.why")}</h3>
    <ul>${sentences.map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    ${data.likes.length > 0 && html`<div class="likes">${data.likes.slice(0, MOST_LIKES).map((like) => html`
      <a key=${like.item_id} href=${itemAddress(like.item_id)}><${Thumbnail} item=${like} size=${56} title=${like.title} /></a>`)}</div>`}
  </section>`;
}
