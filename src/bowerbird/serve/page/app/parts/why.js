// Why an item may suit the shopper: true sentences, and what they liked that is like it.
import { explanation } from "../api/items.js";
import { html } from "../html.js";
import { useCall } from "../state/call.js";
import { itemAddress } from "../state/route.js";
import { t } from "../texts/index.js";

const MOST_LIKES = 5;

export function Why({ user, item }) {
  const { data, isLoading } = useCall(() => explanation(user, item.item_id), [user, item.item_id]);
  if (!data) return isLoading ? html`<section class="why-panel" aria-busy="true" aria-label=${t("item.why")}></section>` : null;
  const sentences = data.explanation.length ? data.explanation : [t("item.noWhy")];
  return html`<section class="why-panel" aria-label=${t("item.why")}><h3>${t("item.why")}</h3>
    <ul>${sentences.map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    ${data.likes.length > 0 && html`<div class="likes">${data.likes.slice(0, MOST_LIKES).map((like) => html`
      <a key=${like.item_id} href=${itemAddress(like.item_id)} title=${like.title}><img src=${`/items/${encodeURIComponent(like.item_id)}/image?size=224`} alt=${like.title} width="56" height="56" loading="lazy" /></a>`)}</div>`}
  </section>`;
}
