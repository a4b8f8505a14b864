// Search by words and pictures, with filters and orders that stand in the address.
import { html, useEffect, useState } from "../html.js";
import { Card } from "../parts/card.js";
import { Filters } from "../parts/filters.js";
import { Icon } from "../parts/icons.js";
import { Masonry, Skeletons } from "../parts/masonry.js";
import { Empty, Failure } from "../parts/states.js";
import { sendMessage, openChat } from "../state/chat.js";
import { shrink } from "../state/picture_input.js";
import { addressWith, navigate, route } from "../state/route.js";
import { choicesOf, find, keyOf, ordered, readLink, readRequest, results, queryPicture } from "../state/search.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { t } from "../texts/index.js";

async function usePicture(file) {
  try {
    const canvas = await shrink(file);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    queryPicture.set({ file: blob, address: canvas.toDataURL("image/jpeg", 0.85) });
  } catch {
    showToast(t("chat.noPicture"));
  }
}

function PicturePicker({ picture }) {
  const choose = (event) => event.target.files[0] && usePicture(event.target.files[0]);
  if (picture) return html`<span class="about"><img src=${picture.address} alt=${t("chat.yourPicture")} width="56" height="56" />
    <button type="button" class="quiet" aria-label=${t("chat.detach")} onClick=${() => queryPicture.set(null)}><${Icon} name="close" /></button></span>`;
  return html`<label class="file-button"><${Icon} name="picture" />${t("search.byPicture")}<input type="file" accept="image/*" onChange=${choose} class="unseen" /></label>`;
}

function NoResults({ request }) {
  const hasFilters = request.low || request.high || request.kind || request.colour || request.stock;
  const ask = () => { sendMessage(request.q); openChat(); };
  return html`<${Empty} text=${t(hasFilters ? "search.nothingFiltered" : "search.nothing", { query: request.q })}>
    <div class="chips">
      ${hasFilters && html`<button type="button" onClick=${() => navigate(addressWith({ low: "", high: "", kind: "", colour: "", stock: "" }))}>${t("search.clear")}</button>`}
      ${request.q && html`<button type="button" onClick=${ask}><${Icon} name="chat" />${t("search.ask")}</button>`}
    </div><//>`;
}

function Results({ request, answer, picture }) {
  const { items, status, error, isAll, unknown } = answer;
  const again = () => find(request, picture, choicesOf(items).colourName);
  const loadMore = () => find(request, picture, choicesOf(items).colourName, { isMore: true });
  if (status === "failed") return html`<${Failure} error=${error} retry=${again} />`;
  if (status === "loading" && !items.length) return html`<${Skeletons} />`;
  if (!items.length) return status === "ready" ? html`<${NoResults} request=${request} />` : null;
  return html`${unknown && html`<p class="notice" role="status">${t("search.unknown", { words: unknown })}</p>`}
    <${Masonry} label=${t("search.results")}>${ordered(items, request.order).map((item, index) => html`
      <${Card} key=${item.item_id} item=${item} rank=${index + 1} eager=${index < 8} surface=${{ list_id: "search", query: request.q, position: index + 1 }} />`)}<//>
    ${!isAll && html`<p class="more"><button type="button" disabled=${status === "loading"} onClick=${loadMore}>${t("search.more")}</button></p>`}`;
}

export function SearchView() {
  const { query } = useStore(route);
  const request = readRequest(query), picture = useStore(queryPicture), answer = useStore(results);
  const [choices, setChoices] = useState({ kinds: [], colours: [], colourName: "colour" });
  const key = keyOf(request, picture);
  const isAsked = Boolean(request.q || picture);
  useEffect(() => { if (isAsked && results.get().key !== key) find(request, picture, choices.colourName); }, [key]);
  useEffect(() => { readLink(); }, []);
  const hasFilter = request.kind || request.colour;
  useEffect(() => { // what can be chosen stays while a choice narrows the result
    if (answer.items.length && (!hasFilter || !choices.kinds.length)) setChoices(choicesOf(answer.items));
  }, [answer.items]);
  const drop = (event) => {
    const file = [...event.dataTransfer.files].find((each) => each.type.startsWith("image/"));
    if (file) { event.preventDefault(); usePicture(file); }
  };
  return html`<section aria-labelledby="view-title" onDragOver=${(event) => event.preventDefault()} onDrop=${drop}>
    <div class="heading"><h1 id="view-title" tabindex="-1" class="query">${request.q ? t("search.title", { query: request.q }) : t("nav.search")}</h1><${PicturePicker} picture=${picture} /></div>
    ${isAsked ? html`<${Filters} request=${request} choices=${choices} />` : html`<p class="hint">${t("search.hint")}</p>`}
    <p class="unseen" role="status">${answer.status === "ready" && isAsked ? t("search.count", { count: answer.items.length }) : ""}</p>
    ${isAsked && html`<${Results} request=${request} answer=${answer} picture=${picture} />`}
  </section>`;
}
