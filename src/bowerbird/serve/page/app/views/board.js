// One board: its items in their order, its name, sharing, and what would complete it.
import * as api from "../api/users.js";
import { get, encoded } from "../api/request.js";
import { html, useState } from "../html.js";
import { Card } from "../parts/card.js";
import { Dialog } from "../parts/dialog.js";
import { Field } from "../parts/field.js";
import { Icon } from "../parts/icons.js";
import { Masonry, Skeletons } from "../parts/masonry.js";
import { Empty, Failure } from "../parts/states.js";
import { addToBoard, boards, removeBoard, replaceBoard, shareBoard } from "../state/boards.js";
import { useCall } from "../state/call.js";
import { revision } from "../state/changes.js";
import { marks } from "../state/marks.js";
import { navigate, route } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { language, t, titleOf } from "../texts/index.js";

function Title({ board }) {
  const [isEditing, setEditing] = useState(false);
  const rename = (event) => {
    event.preventDefault();
    setEditing(false);
    replaceBoard(board, { name: new FormData(event.target).get("name").trim() });
  };
  if (isEditing) return html`<form class="new-board" onSubmit=${rename}>
    <${Field} name="name" required maxlength="100" value=${board.name} aria-label=${t("boards.newName")} autofocus /><button class="primary">${t("action.ok")}</button></form>`;
  return html`<div class="title-line"><h1 id="view-title" tabindex="-1">${board.name}</h1>
    <button type="button" class="quiet round" aria-label=${t("boards.rename")} onClick=${() => setEditing(true)}><${Icon} name="edit" /></button></div>`;
}

const linkOf = (board) => `${window.location.origin}/shared/${board.token}`;

async function copy(text) {
  await navigator.clipboard.writeText(text).then(() => showToast(t("toast.copied")), () => {});
}

function Sharing({ board, close }) {
  return html`<${Dialog} title=${t("boards.share")} close=${close} className="small"><div class="fields">
    <p class="hint">${t("boards.shareHint")}</p>
    ${board.token
      ? html`<label>${t("boards.link")}<input readonly value=${linkOf(board)} onFocus=${(event) => event.target.select()} /></label>
        <button type="button" class="primary" onClick=${() => copy(linkOf(board))}><${Icon} name="copy" />${t("item.share")}</button>
        <button type="button" onClick=${() => shareBoard(board, false)}>${t("boards.unshare")}</button>`
      : html`<button type="button" class="primary" onClick=${() => shareBoard(board, true)}><${Icon} name="link" />${t("boards.makeLink")}</button>`}
  </div><//>`;
}

function Acts({ board }) {
  const [dialog, setDialog] = useState("");
  const remove = async () => { if (await removeBoard(board)) navigate("/boards"); };
  return html`<div class="item-acts">
    <button type="button" aria-haspopup="dialog" onClick=${() => setDialog("share")}><${Icon} name="link" />${t("boards.share")}</button>
    <button type="button" class="quiet" aria-haspopup="dialog" onClick=${() => setDialog("remove")}><${Icon} name="trash" />${t("boards.remove")}</button>
    ${dialog === "share" && html`<${Sharing} board=${board} close=${() => setDialog("")} />`}
    ${dialog === "remove" && html`<${Dialog} title=${t("boards.removeSure", { name: board.name })} close=${() => setDialog("")} className="small">
      <div class="item-acts"><button type="button" class="danger" onClick=${remove}>${t("boards.remove")}</button>
      <button type="button" onClick=${() => setDialog("")}>${t("action.cancel")}</button></div><//>`}
  </div>`;
}

function Order({ board, item, index, count }) {
  const move = (by) => {
    const ids = board.item_ids.filter((id) => id !== item.item_id);
    ids.splice(board.item_ids.indexOf(item.item_id) + by, 0, item.item_id);
    replaceBoard(board, { item_ids: ids });
  };
  const drop = () => replaceBoard(board, { item_ids: board.item_ids.filter((id) => id !== item.item_id) });
  return html`<div class="order">
    <button type="button" class="quiet" disabled=${index === 0} aria-label=${t("boards.earlier", { title: titleOf(item) })} onClick=${() => move(-1)}><${Icon} name="up" /></button>
    <button type="button" class="quiet" disabled=${index === count - 1} aria-label=${t("boards.later", { title: titleOf(item) })} onClick=${() => move(1)}><${Icon} name="down" /></button>
    <button type="button" class="quiet" aria-label=${t("boards.takeOut", { title: titleOf(item) })} onClick=${drop}><${Icon} name="close" /></button></div>`;
}

function Completions({ user, board }) {
  const { data } = useCall(() => api.completions(user, board.id), [user, board.id, board.item_ids.join(), language.get()]);
  if (!data?.items.length) return null;
  return html`<section class="completions" aria-label=${t("boards.complete")}><h2>${t("boards.complete")}</h2>
    <div class="strip" tabindex="0" role="group" aria-label=${t("boards.complete")}>${data.items.map((item) => html`<${Card} key=${item.item_id} item=${item} level=${3} surface=${{ list_id: "completions" }}>
      ${board.is_own && html`<button type="button" class="add" onClick=${() => addToBoard(board, item)}><${Icon} name="plus" />${t("boards.add")}</button>`}<//>`)}</div></section>`;
}

// A board as it is in this window: its changes show at once, and the server's answer may take longer.
function withOwnChanges(board, ownBoard) {
  if (!ownBoard) return board;
  const items = new Map(board.items.map((item) => [item.item_id, item]));
  return { ...board, ...ownBoard, items: ownBoard.item_ids.map((id) => items.get(id)).filter(Boolean) };
}

// What is saved no more leaves at the click; the server's answer may take longer.
const withoutUnsaved = (board, saved) => ({
  ...board, items: board.items.filter((item) => saved.has(item.item_id)), item_ids: board.item_ids.filter((id) => saved.has(id)),
});

export function BoardView() {
  const { id } = useStore(route), { user } = useStore(session);
  const changes = useStore(revision).boards, { own, saved, isLoading: isListing } = useStore(boards), marked = useStore(marks);
  const ownBoard = own.find((board) => board.id === id);
  const version = JSON.stringify(ownBoard ?? saved); // this window's own changes
  const { data, error, isLoading, retry } = useCall(() => get(`/users/${encoded(user)}/boards/${encoded(id)}`), [user, id, changes, version]);
  if (error && !data) return html`<${Failure} error=${error} retry=${retry} />`;
  if (isLoading && !data) return html`<${Skeletons} />`;
  const isSaved = data.id === "saved";
  const current = isSaved && !isListing ? withoutUnsaved(data, marked.saved) : withOwnChanges(data, ownBoard);
  const board = isSaved ? { ...current, name: t("boards.saved") } : current;
  return html`<section aria-labelledby="view-title">
    <p><a href="/boards">${t("nav.boards")}</a></p>
    <div class="heading">${board.is_own ? html`<${Title} board=${board} />` : html`<h1 id="view-title" tabindex="-1">${board.name}</h1>`}${board.is_own && html`<${Acts} board=${board} />`}</div>
    ${!board.items.length && html`<${Empty} text=${t("boards.empty")}><a href="/">${t("action.home")}</a><//>`}
    <${Masonry} label=${board.name}>${board.items.map((item, index) => html`<${Card} key=${item.item_id} item=${item} surface=${{ list_id: "board", position: index + 1 }}>
      ${board.is_own && html`<${Order} board=${board} item=${item} index=${index} count=${board.items.length} />`}<//>`)}<//>
    ${board.items.length > 0 && html`<${Completions} user=${user} board=${board} />`}
  </section>`;
}
