// Saves an item to a board, one that is there or a new one.
import { html, useState } from "../html.js";
import { addToBoard, boards, createBoardWith } from "../state/boards.js";
import { useStore } from "../state/store.js";
import { t } from "../texts/index.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";

function Choices({ item, close }) {
  const { own } = useStore(boards);
  const choose = (work) => work.then((board) => board && close()); // what failed can be tried again
  const create = (event) => {
    event.preventDefault();
    choose(createBoardWith(new FormData(event.target).get("name").trim(), [item.item_id]));
  };
  return html`<${Dialog} title=${t("item.toBoard")} close=${close} className="small">
    <ul class="board-choices">${own.map((board) => html`<li key=${board.id}>
      <button type="button" onClick=${() => choose(addToBoard(board, item))} disabled=${board.item_ids.includes(item.item_id)}>
        <${Icon} name=${board.item_ids.includes(item.item_id) ? "heart" : "boards"} />${board.name}</button></li>`)}</ul>
    <form class="fields" onSubmit=${create}>
      <label>${t("boards.newName")}<input name="name" required maxlength="100" /></label>
      <button class="primary">${t("boards.create")}</button>
    </form>
  <//>`;
}

export function BoardMenu({ item }) {
  const [isOpen, setOpen] = useState(false);
  return html`<button type="button" aria-haspopup="dialog" onClick=${() => setOpen(true)}><${Icon} name="boards" />${t("item.toBoard")}</button>
    ${isOpen && html`<${Choices} item=${item} close=${() => setOpen(false)} />`}`;
}
