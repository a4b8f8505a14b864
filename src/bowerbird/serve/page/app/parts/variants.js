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

// Values that can be bought, without which item has which: `{ size: ["M", "L"] }`.
const Values = ({ values }) => html`<dl class="facts">${Object.entries(values).map(([name, all]) => html`<div key=${name}><dt>${name}</dt><dd>${all.join(", ")}</dd></div>`)}</dl>`;

export function Variants({ item }) {
  const variants = (item.variants ?? []).filter((variant) => variant.item_id !== item.item_id);
  const values = variants.length ? {} : item.also_in ?? {};
  if (!variants.length && !Object.keys(values).length) return null;
  return html`<section class="variants" aria-label=${t("item.variants")}><h3>${t("item.variants")}</h3>
    <${Values} values=${values} />
    <ul>${variants.map((variant) => html`<li key=${variant.item_id}>
      <a href=${itemAddress(variant.item_id)}><${Picture} item=${variant} sizes="4rem" /><span>${difference(item, variant)}</span></a></li>`)}</ul>
  </section>`;
}
