// Lists as they were shown and as they would be now; conversations, replayed.
import { shownList, shownLists, traceOf } from "../api/operations.js";
import { streamReply } from "../api/chat_stream.js";
import { html, useState } from "../html.js";
import { GlassBox } from "../parts/glass_box.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { addressWith, route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { number, titleOf } from "../texts/index.js";
import { UserForm } from "./as_user.js";
import { useWork } from "./confirm.js";

const OUTCOME_WORDS = { seen: "seen", click: "clicked", save: "saved", purchase: "bought" };
const cameOf = (outcomes) => Object.entries(OUTCOME_WORDS).filter(([name]) => outcomes[name]).map(([name, word]) => `${number(outcomes[name])} ${word}`).join(", ");

function Replayed({ list }) {
  const { data, error } = useCall(() => traceOf(list.user, Math.max(1, list.items.length)), [list.recommendation_id]);
  if (error) return html`<${Failure} error=${error} />`;
  if (!data) return html`<p class="hint" role="status">Replaying…</p>`;
  const place = new Map(list.items.map((item) => [item.item_id, item.position]));
  const stays = data.items.filter((item) => place.has(item.item_id)).length;
  return html`<section aria-label="Now"><h3>The same request now</h3><p class="hint">${number(stays)} of ${number(list.items.length)} are in it still. Events since then, rules and versions make the difference.</p>
    <ol class="plain">${data.items.map((item) => html`<li key=${item.item_id}>${titleOf(item)} <span class="numbers">${place.has(item.item_id) ? `was ${place.get(item.item_id)}` : "new"}</span></li>`)}</ol></section>`;
}

function ShownList({ id }) {
  const { data: list, error, retry } = useCall(() => shownList(id), [id]);
  const [isReplayed, setReplayed] = useState(false);
  if (error) return html`<${Failure} error=${error} retry=${retry} />`;
  if (!list) return null;
  return html`<section class="panel wide" aria-labelledby="list-title"><div class="heading"><h2 id="list-title">As it was shown</h2><a href=${addressWith({ list: "" })}>Close</a></div>
    <p class="hint">${new Date(list.at).toLocaleString()} · ${list.surface} · ${list.user ?? "nobody in particular"} · set ${list.version_set}</p>
    <div class="before-after"><section aria-label="Shown"><h3>Items</h3><ol class="plain" start=${list.items[0]?.position ?? 1}>${list.items.map((item) => html`<li key=${item.item_id}>${item.title || item.item_id}
      <span class="numbers"> ${[item.source, `score ${number(item.score, 3)}`, item.propensity < 1 ? `chance ${number(100 * item.propensity)} %` : "", item.outcomes.map((name) => OUTCOME_WORDS[name]).join(", ")].filter(Boolean).join(" · ")}</span></li>`)}</ol></section>
      ${isReplayed && html`<${Replayed} list=${list} />`}</div>
    ${list.user && !isReplayed && html`<button type="button" onClick=${() => setReplayed(true)}>Replay now</button>`}</section>`;
}

function Lists() {
  const { query } = useStore(route);
  const user = query.get("as") ?? "", chosen = query.get("list") ?? "";
  const { data, error, retry } = useCall(() => shownLists({ user, n: 30 }), [user]);
  return html`<section aria-labelledby="lists-title"><h2 id="lists-title">Lists that were shown</h2><${UserForm} user=${user} label="User, or empty for all" isOptional />
    ${error && html`<${Failure} error=${error} retry=${retry} />`}${chosen && html`<${ShownList} key=${chosen} id=${chosen} />`}
    ${data && (data.lists.length ? html`<ul class="ranked-list" aria-label="Lists">${data.lists.map((list) => html`<li class="ranked log-line" key=${list.recommendation_id}>
      <a href=${addressWith({ list: list.recommendation_id })} aria-current=${chosen === list.recommendation_id ? "true" : null}>${new Date(list.at).toLocaleString()}</a>
      <span>${list.surface} for ${list.user ?? "nobody in particular"}</span><span class="numbers">${number(list.items)} items${cameOf(list.outcomes) ? `: ${cameOf(list.outcomes)}` : ""} · set ${list.version_set}</span></li>`)}</ul>`
      : html`<div class="state"><p>No list is logged${user ? " of this user" : ""} yet. The log is some seconds late.</p></div>`)}</section>`;
}

async function replay(user, lines, show) {
  let state = null;
  const turns = [];
  for (const text of lines) {
    let reply = { text: "" };
    for await (const change of streamReply({ user, state, text })) reply = { ...reply, ...change };
    state = reply.state;
    turns.push({ text, reply });
    show([...turns]);
  }
}

function Conversation() {
  const { query } = useStore(route);
  const [turns, setTurns] = useState([]), [isRunning, run] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const lines = new FormData(event.target).get("messages").split("\n").map((line) => line.trim()).filter(Boolean);
    setTurns([]);
    run(() => replay(query.get("as") || undefined, lines, setTurns));
  };
  return html`<section class="panel wide" aria-labelledby="replay-title"><h2 id="replay-title">Replay a conversation</h2>
    <p class="hint">The server keeps no conversation: they stay with their users. Paste what somebody wrote, a message a line, and see how each is understood.</p>
    <form class="fields" onSubmit=${submit}><label>Messages of the user<textarea name="messages" rows="4" required maxlength="8000" placeholder="a green lamp under 60"></textarea></label>
      <div><button class="primary" disabled=${isRunning}>${isRunning ? "Replaying…" : "Replay"}</button></div></form>
    <ol class="replay" aria-live="polite">${turns.map(({ text, reply }, index) => html`<li key=${index}><p><strong>${text}</strong></p><p>${reply.text}</p>
      <p class="numbers">${[`understood as ${reply.act}`, reply.constraints?.join(", "), reply.items?.map(titleOf).join(", ")].filter(Boolean).join(" · ")}</p>${reply.cost && html`<${GlassBox} reply=${reply} />`}</li>`)}</ol></section>`;
}

// The form comes first: the lists arrive later, and what is below them would move.
export const Section = () => html`<${Conversation} /><${Lists} />`;
