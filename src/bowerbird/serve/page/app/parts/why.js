// Why an item may suit the shopper: true sentences in their language, and what they liked that is like it.
import { explanation } from "../api/items.js";
import { html } from "../html.js";
import { useCall } from "../state/call.js";
import { itemAddress } from "../state/route.js";
import { day, percent, price, t } from "../texts/index.js";
import { Thumbnail } from "./picture.js";

const MOST_LIKES = 5, MOST_NAMED = 2;

function priceSentence({ price: amount, price_comfort: usual }) {
  if (amount === null || !usual) return [];
  const relation = amount > usual.high ? "above" : amount < usual.low ? "below" : "within";
  const values = { price: price(amount, usual.currency), low: price(usual.low, usual.currency), high: price(usual.high, usual.currency) };
  return [t(`why.${relation}`, values)];
}

function sentencesOf(data) {
  const { likes, interest } = data;
  if (!likes.length && !interest) return [t("item.noWhy"), ...priceSentence(data)];
  return [
    ...likes.slice(0, MOST_NAMED).map((like) => t(`why.${like.action}`, { title: like.title, day: day(like.at), share: percent(like.likeness) })),
    ...(interest ? [t(interest.muted ? "why.muted" : "why.interest", { name: interest.name, share: percent(interest.share) })] : []),
    ...priceSentence(data),
  ];
}

export function Why({ user, item }) {
  const { data, isLoading } = useCall(() => explanation(user, item.item_id), [user, item.item_id]);
  if (!data) return isLoading ? html`<section class="why-panel" aria-busy="true" aria-label=${t("item.why")}></section>` : null;
  return html`<section class="why-panel" aria-label=${t("item.why")}><h3>${t("item.why")}</h3>
    <ul>${sentencesOf(data).map((sentence) => html`<li key=${sentence}>${sentence}</li>`)}</ul>
    ${data.likes.length > 0 && html`<div class="likes">${data.likes.slice(0, MOST_LIKES).map((like) => html`
      <a key=${like.item_id} href=${itemAddress(like.item_id)}><${Thumbnail} item=${like} size=${56} title=${like.title} /></a>`)}</div>`}
  </section>`;
}
