// A card of an item: opens it, saves it in place, hides it.
import { html, useState } from "../html.js";
import { itemAddress } from "../state/route.js";
import { hideItem, marks, saveItem, unsaveItem } from "../state/marks.js";
import { useStore } from "../state/store.js";
import { price, t, titleOf } from "../texts/index.js";
import { Icon } from "./icons.js";
import { Picture } from "./picture.js";

export const isSoldOut = (item) => item.availability === "out_of_stock" || item.availability === "withdrawn";

export function Price({ item }) {
  const was = item.list_price ?? null;
  const isSale = was !== null && item.price !== null && was > item.price;
  return html`<p class="price">
    <span class=${isSale ? "reduced" : ""}>${price(item.price, item.currency)}</span>
    ${isSale && html` <s><span class="unseen">${t("item.was")} </span>${price(was, item.currency)}</s>`}
  </p>`;
}

export function SaveButton({ item, surface, withLabel = false }) {
  const isSaved = useStore(marks, ({ saved }) => saved.has(item.item_id));
  const [isBeating, setBeating] = useState(false);
  const name = t(isSaved ? "action.unsaveItem" : "action.saveItem", { title: titleOf(item) });
  const click = () => {
    setBeating(!isSaved);
    (isSaved ? unsaveItem : saveItem)(item, surface);
  };
  return html`<button type="button" class=${`heart ${isBeating ? "beating" : ""}`} aria-pressed=${isSaved ? "true" : "false"}
    aria-label=${name} onClick=${click}><${Icon} name="heart" />${withLabel && t(isSaved ? "action.saved" : "action.save")}</button>`;
}

// `level` of its heading: below that of the view or of the part that it stands in.
export function Card({ item, rank, eager = false, surface, level = 2, why = item.reason ?? item.why, children }) {
  const isHidden = useStore(marks, ({ hidden }) => hidden.has(item.item_id));
  return html`<article class=${`card ${isHidden ? "hidden" : ""}`} data-item=${item.item_id} data-rank=${rank}>
    <div class="frame">
      <${Picture} item=${item} eager=${eager} />
      ${isSoldOut(item) && html`<span class="badge">${t("item.soldOut")}</span>`}
      ${item.list_price > item.price && html`<span class="badge sale">${t("item.sale")}</span>`}
    </div>
    <div class="text">
      <${`h${level}`} class="card-title"><a href=${itemAddress(item.item_id)}>${titleOf(item)}</a><//>
      <${Price} item=${item} />
      ${why && html`<p class="why">${why}</p>`}
      ${children}
    </div>
    <div class="acts">
      <${SaveButton} item=${item} surface=${surface} />
      <button type="button" class="quiet" aria-label=${t("action.hideItem", { title: titleOf(item) })}
        onClick=${() => hideItem(item, surface)}><${Icon} name="hide" /></button>
    </div>
  </article>`;
}
