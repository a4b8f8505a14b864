// The sheet of one item, over whatever view it was opened from.
import * as api from "../api/items.js";
import { html, useEffect } from "../html.js";
import { BoardMenu } from "../parts/board_menu.js";
import { Card, isSoldOut, Price, SaveButton } from "../parts/card.js";
import { Dialog } from "../parts/dialog.js";
import { Gallery } from "../parts/gallery.js";
import { Icon } from "../parts/icons.js";
import { Failure } from "../parts/states.js";
import { Variants } from "../parts/variants.js";
import { Why } from "../parts/why.js";
import { useCall } from "../state/call.js";
import { askAbout } from "../state/chat.js";
import { hideItem, noteOpened } from "../state/marks.js";
import { closeItem } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { number, t, titleOf } from "../texts/index.js";

const STOCK = { in_stock: "item.inStock", preorder: "item.preorder", backorder: "item.backorder" };

function Strip({ title, load, itemId, surface }) {
  const { data, error, isLoading } = useCall(() => load(itemId), [itemId]);
  const items = data?.items ?? [];
  if (error || (!isLoading && !items.length)) return null; // nothing to add is no error
  return html`<section aria-label=${title}><h3>${title}</h3>
    <div class="strip" tabindex="0" role="group" aria-label=${title}>${items.length
      ? items.map((item, index) => html`<${Card} key=${item.item_id} item=${item} level=${4} surface=${{ list_id: surface, position: index + 1 }} />`)
      : [0, 1, 2, 3].map((index) => html`<div class="card skeleton" key=${index} aria-hidden="true"><div class="frame"></div><div class="text"><span></span><span></span></div></div>`)}</div>
  </section>`;
}

function Facts({ item }) {
  const rows = [["item.brand", item.brand], ["item.kind", item.category.join(" › ")]].filter(([, value]) => value);
  return html`<dl class="facts">
    ${rows.map(([name, value]) => html`<div key=${name}><dt>${t(name)}</dt><dd>${value}</dd></div>`)}
    ${Object.entries(item.attributes).map(([name, value]) => html`<div key=${name}><dt>${name.replaceAll("_", " ")}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

async function copyLink() {
  await navigator.clipboard.writeText(window.location.href).then(
    () => showToast(t("toast.copied")), () => showToast(window.location.href));
}

function Acts({ item }) {
  const hide = () => { hideItem(item, { list_id: "item" }); closeItem(); };
  return html`<div class="item-acts">
    <${SaveButton} item=${item} surface=${{ list_id: "item" }} withLabel />
    <${BoardMenu} item=${item} />
    <button type="button" class="primary" onClick=${() => askAbout(item)}><${Icon} name="chat" />${t("action.ask")}</button>
    <button type="button" class="quiet" onClick=${hide}><${Icon} name="hide" />${t("action.hide")}</button>
    <button type="button" class="quiet" onClick=${copyLink}><${Icon} name="link" />${t("item.share")}</button>
  </div>`;
}

function Content({ item }) {
  const { user } = useStore(session);
  return html`<div class="item">
    <${Gallery} item=${item} />
    <div class="item-text">
      <h2 class="item-title">${titleOf(item)}</h2>
      <${Price} item=${item} />
      <p class=${`stock ${isSoldOut(item) ? "out" : ""}`}>${t(isSoldOut(item) ? "item.soldOut" : STOCK[item.availability] ?? "item.inStock")}
        ${item.rating && html` · ${t("item.rating", { rating: number(item.rating, 1), count: item.rating_count ?? 0 })}`}</p>
      <${Acts} item=${item} />
      <${Variants} item=${item} />
      ${item.description && html`<p class="description">${item.description}</p>`}
      <${Facts} item=${item} />
      ${item.link && html`<p><a href=${item.link} rel="noopener noreferrer" target="_blank">${t("item.shop")}</a></p>`}
      ${user && html`<${Why} user=${user} item=${item} />`}
    </div>
  </div>
  <${Strip} title=${t("item.similar")} load=${api.similar} itemId=${item.item_id} surface="similar" />
  <${Strip} title=${t("item.together")} load=${api.complements} itemId=${item.item_id} surface="complements" />`;
}

export function ItemSheet({ itemId }) {
  const { data: item, error, isLoading, retry } = useCall(() => api.item(itemId), [itemId]);
  useEffect(() => { if (item?.item_id === itemId) noteOpened(item, { list_id: "item" }); }, [item?.item_id]);
  return html`<${Dialog} title=${item ? titleOf(item) : t("item.details")} isTitleShown=${false} close=${closeItem} className="sheet">
    ${item && html`<${Content} item=${item} />`}
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${isLoading && !item && html`<div class="item" aria-busy="true"><div class="frame skeleton"></div></div>`}
  <//>`;
}
