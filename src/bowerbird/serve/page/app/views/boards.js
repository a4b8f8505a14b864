// All boards: what was saved, the shopper's own, and imported ones.
import { html, useEffect } from "../html.js";
import { Icon } from "../parts/icons.js";
import { sized } from "../parts/picture.js";
import { Empty, Failure } from "../parts/states.js";
import { boards, createBoardWith, loadBoards } from "../state/boards.js";
import { navigate } from "../state/route.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";

const COVERS = 4;

function Cover({ id, name, pictures, count }) {
  return html`<li class="cover"><a href=${`/boards/${encodeURIComponent(id)}`}>
    <span class="cover-pictures">${Array.from({ length: COVERS }, (_, index) => (pictures[index]
      ? html`<img key=${index} src=${sized(pictures[index], 224)} alt="" width="112" height="112" loading="lazy" />`
      : html`<span key=${index}></span>`))}</span>
    <span class="cover-name">${name}</span><span class="hint">${t("boards.count", { count })}</span></a></li>`;
}

function NewBoard() {
  const create = async (event) => {
    event.preventDefault();
    const form = event.target;
    const board = await createBoardWith(new FormData(form).get("name").trim());
    if (board) navigate(`/boards/${encodeURIComponent(board.id)}`);
  };
  return html`<form class="new-board" onSubmit=${create}>
    <label class="unseen" for="board-name">${t("boards.newName")}</label>
    <input id="board-name" name="name" required maxlength="100" placeholder=${t("boards.newName")} />
    <button class="primary"><${Icon} name="plus" />${t("boards.create")}</button></form>`;
}

export function BoardsView() {
  const { saved, saved_pictures: savedPictures, own, imported, error, isLoading } = useStore(boards);
  useEffect(() => { loadBoards(); }, []);
  const isBare = !saved.length && !own.length && !imported.length;
  return html`<section aria-labelledby="view-title">
    <div class="heading"><h1 id="view-title" tabindex="-1">${t("nav.boards")}</h1><${NewBoard} /></div>
    ${error && html`<${Failure} error=${error} retry=${loadBoards} />`}
    ${!error && !isLoading && isBare && html`<${Empty} text=${t("boards.none")}><a href="/">${t("action.home")}</a><//>`}
    ${!isBare && html`<ul class="covers">
      <${Cover} id="saved" name=${t("boards.saved")} pictures=${savedPictures} count=${saved.length} />
      ${own.map((board) => html`<${Cover} key=${board.id} id=${board.id} name=${board.name} pictures=${board.pictures} count=${board.item_ids.length} />`)}
      ${imported.map((board) => html`<${Cover} key=${board.id} id=${board.id} name=${board.name} pictures=${board.pictures} count=${board.item_ids.length} />`)}
    </ul>`}
  </section>`;
}
