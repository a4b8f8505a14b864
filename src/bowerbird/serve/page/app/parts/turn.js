// One message and its reply: words, numbered cards or a comparison, what was understood, and what may come next.
import { html, useMemo, useState } from "../html.js";
import { retryReply, sendMessage } from "../state/chat.js";
import { showToast } from "../state/toast.js";
import { useStore } from "../state/store.js";
import { language, price, t, titleOf } from "../texts/index.js";
import { Card } from "./card.js";
import { Constraints } from "./constraints.js";
import { GlassBox } from "./glass_box.js";
import { Icon } from "./icons.js";
import { Picture, sized } from "./picture.js";
import { canSpeak, speak } from "./voice.js";

// The cards show the items: the bubble keeps what is said before and after them.
function wordsOf({ text, items, comparison, state }) {
  const lines = text.split("\n").filter(Boolean);
  if (comparison || !items?.length || lines.length < 2) return lines.join("\n");
  const listed = lines.filter((line) => !/^(\d+\.|[-•*])\s/.test(line));
  return (listed.length ? listed : [lines[0], ...(state?.question ? lines.slice(-1) : [])]).join("\n");
}

function Cards({ items }) {
  const [chosen, setChosen] = useState([]);
  const toggle = (rank) => setChosen((now) => (now.includes(rank) ? now.filter((each) => each !== rank) : [...now, rank].slice(-3)));
  const compare = () => {
    const names = [...chosen].sort().map((rank) => t(`chat.rank.${rank}`));
    setChosen([]);
    sendMessage(t("chat.compareThese", { items: names.join(t("chat.and")) }));
  };
  return html`<div class="chat-cards">${items.map((item, index) => html`
      <${Card} key=${item.item_id} item=${item} level=${3} rank=${index + 1} surface=${{ list_id: "assistant", position: index + 1 }}
        why=${item.differences?.length ? item.differences.join("; ") : item.why}>
        <span class="rank" aria-hidden="true">${index + 1}</span>
        ${items.length > 1 && index < 4 && html`<label class="compare"><input type="checkbox" checked=${chosen.includes(index + 1)} onChange=${() => toggle(index + 1)} />
          ${t("chat.compare")}<span class="unseen"> ${titleOf(item)}</span></label>`}
      <//>`)}</div>
    ${chosen.length > 1 && html`<button type="button" class="primary" onClick=${compare}>${t("chat.compareChosen", { count: chosen.length })}</button>`}`;
}

function Comparison({ table, items }) {
  return html`<div class="table-box" tabindex="0" role="group" aria-label=${t("chat.comparison")}><table class="comparison">
    <thead><tr><td></td>${items.map((item) => html`<th key=${item.item_id} scope="col"><${Picture} item=${item} sizes="4rem" />${titleOf(item)}</th>`)}</tr></thead>
    <tbody>${table.rows.map((row) => html`<tr key=${row.name}><th scope="row">${row.name}</th>${row.values.map((value, index) => html`<td key=${index}>${value}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

function Tools({ turn }) {
  const { reply } = turn;
  const copy = () => {
    const lines = (reply.items ?? []).map((item, index) => `${index + 1}. ${titleOf(item)} ${price(item.price, item.currency)}`);
    navigator.clipboard?.writeText([wordsOf(reply), ...lines].join("\n")).then(() => showToast(t("toast.copied")), () => {});
  };
  return html`<div class="tools">
    <button type="button" class="quiet" onClick=${copy}><${Icon} name="copy" /><span class="unseen">${t("chat.copy")}</span></button>
    <button type="button" class="quiet" onClick=${() => retryReply(turn)}><${Icon} name="retry" /><span class="unseen">${t("chat.again")}</span></button>
    ${canSpeak() && html`<button type="button" class="quiet" onClick=${() => speak(wordsOf(reply))}><${Icon} name="speaker" /><span class="unseen">${t("chat.speak")}</span></button>`}
    ${reply.cost && html`<${GlassBox} reply=${reply} />`}
  </div>`;
}

function Message({ turn }) {
  return html`<div class="bubble user">
    ${turn.picture && html`<img src=${turn.picture} alt=${t("chat.yourPicture")} />`}
    ${turn.subject && html`<span class="about">${turn.subject.image && html`<img src=${sized(turn.subject.image, 224)} alt="" width="32" height="32" />`}${turn.subject.title}</span>`}
    ${turn.text}
  </div>`;
}

// Rendered again when it changes, not with each word of a later reply.
export function Turn({ turn, isLast }) {
  const code = useStore(language);
  return useMemo(() => html`<${Content} turn=${turn} isLast=${isLast} />`, [turn, isLast, code]);
}

function Content({ turn, isLast }) {
  const { reply } = turn;
  const isDone = reply.status === "done" || reply.status === "stopped";
  const words = wordsOf(reply);
  return html`<article class="turn">
    ${turn.isEdit ? html`<p class="hint edited"><${Icon} name="edit" />${t("need.changed")}</p>` : html`<${Message} turn=${turn} />`}
    ${(words || reply.status === "waiting" || reply.status === "streaming") && html`<div class="bubble assistant" aria-busy=${isDone ? null : "true"}>${words || html`<span class="dots"><i></i><i></i><i></i></span>`}</div>`}
    ${isLast && (isDone ? html`<${Constraints} reply=${reply} />` : reply.items?.length > 0 && html`<div class="constraints"></div>`)}
    ${reply.comparison ? html`<${Comparison} table=${reply.comparison} items=${reply.items} />` : reply.items?.length > 0 && html`<${Cards} items=${reply.items} />`}
    ${reply.status === "failed" && html`<div class="bubble failed" role="alert"><p>${reply.error} ${t("chat.kept")}</p>
      <button type="button" onClick=${() => retryReply(turn)}><${Icon} name="retry" />${t("action.retry")}</button></div>`}
    ${reply.status === "stopped" && html`<p class="hint">${t("chat.stopped")} <button type="button" class="quiet" onClick=${() => retryReply(turn)}>${t("action.retry")}</button></p>`}
    ${reply.status === "done" && html`<${Tools} turn=${turn} />`}
    ${isLast && reply.status === "done" && reply.suggestions?.length > 0 && html`<div class="chips" role="group" aria-label=${t("chat.suggestions")}>${reply.suggestions.map((text) => html`
      <button type="button" class="chip" key=${text} onClick=${() => sendMessage(text)}>${text}</button>`)}</div>`}
  </article>`;
}
