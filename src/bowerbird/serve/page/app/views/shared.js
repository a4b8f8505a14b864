// A board that somebody shared: read only, without an account.
import { sharedBoard } from "../api/users.js";
import { html } from "../html.js";
import { Masonry, Skeletons } from "../parts/masonry.js";
import { Picture } from "../parts/picture.js";
import { isSoldOut, Price } from "../parts/card.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { t, titleOf } from "../texts/index.js";

export function SharedView() {
  const { id } = useStore(route);
  const { data: board, error, retry } = useCall(() => sharedBoard(id), [id]);
  if (error) return html`<section><h1 id="view-title" tabindex="-1">${t("nav.boards")}</h1><${Failure} error=${error} retry=${retry} /></section>`;
  if (!board) return html`<${Skeletons} />`;
  return html`<section aria-labelledby="view-title">
    <div class="heading"><h1 id="view-title" tabindex="-1">${board.name}</h1><p class="hint">${t("boards.sharedHint")}</p></div>
    <${Masonry} label=${board.name}>${board.items.map((item) => html`<article class="card" key=${item.item_id}>
      <div class="frame"><${Picture} item=${item} eager />${isSoldOut(item) && html`<span class="badge">${t("item.soldOut")}</span>`}</div><div class="text"><h2 class="card-title">${titleOf(item)}</h2><${Price} item=${item} /></div></article>`)}<//>
  </section>`;
}
