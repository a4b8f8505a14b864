// The other sizes and colours of an article.
import { html } from "../html.js";
import { itemAddress } from "../state/route.js";
import { t, titleOf } from "../texts/index.js";
import { Picture } from "./picture.js";

// What sets a variant apart: the values of the attributes in which it differs.
function difference(item, variant) {
  const names = Object.keys(variant.attributes ?? {});
  const values = names.filter((name) => variant.attributes[name] !== item.attributes[name]).map((name) => variant.attributes[name]);
  return values.join(", ") || titleOf(variant);
}

export function Variants({ item }) {
  const variants = (item.variants ?? []).filter((variant) => variant.item_id !== item.item_id);
  if (!variants.length) return null;
  return html`<section class="variants" aria-label=${t("item.variants")}><h3>${t("item.variants")}</h3>
    <ul>${variants.map((variant) => html`<li key=${variant.item_id}>
      <a href=${itemAddress(variant.item_id)}><${Picture} item=${variant} sizes="4rem" /><span>${difference(item, variant)}</span></a></li>`)}</ul>
  </section>`;
}
