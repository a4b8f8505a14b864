// The shop's rules: edit, see what they would change, then publish.
import { previewRules, publishRules, rules as loadRules } from "../api/operations.js";
import { html, useEffect, useState } from "../html.js";
import { Picture } from "../parts/picture.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { number, titleOf } from "../texts/index.js";
import { Confirm, useWork } from "./confirm.js";
import { emptyRule, KINDS, RuleRow, rowsOf, rulesOf } from "./rule_form.js";

function moveOf({ before, after }) {
  if (before === null) return "new";
  if (after === null) return "leaves";
  return before === after ? "" : before > after ? `▲ ${before - after}` : `▼ ${after - before}`;
}

const PreviewList = ({ title, items, isAfter }) => html`<section aria-label=${title}><h3>${title}</h3><ol class="preview-list">${items.map((item) => html`
  <li key=${item.item_id} class=${(isAfter ? moveOf(item) : item.after === null) ? "moved" : ""}><${Picture} item=${item} sizes="3rem" /><span>${titleOf(item)}</span>
    <span class="numbers">${isAfter || item.after === null ? moveOf(item) : ""}</span></li>`)}</ol></section>`;

function Moved({ items, users }) {
  if (!items.length) return null;
  return html`<h3>Items in more or fewer of the ${number(users)} lists</h3><ul class="preview-list">${items.map((item) => html`<li key=${item.item_id}><${Picture} item=${item} sizes="3rem" />
    <span>${titleOf(item)}</span><span class="numbers">${number(item.before)} → ${number(item.after)}</span></li>`)}</ul>`;
}

function Preview({ effects }) {
  return html`<section class="panel wide preview" aria-labelledby="preview-title" aria-live="polite"><h2 id="preview-title">What would change</h2>
    <p><strong>${number(effects.changed)} of ${number(effects.users)}</strong> lists of the sample would change. Nothing is in force yet.</p>
    ${effects.example && html`<p class="hint">The list of ${effects.example.user}:</p><div class="before-after">
      <${PreviewList} title="Now" items=${effects.example.before} /><${PreviewList} title="Then" items=${effects.example.after} isAfter /></div>`}
    <${Moved} items=${effects.moved} users=${effects.users} /></section>`;
}

function Add({ add }) {
  return html`<div class="chips">${Object.entries(KINDS).map(([kind, name]) => html`<button type="button" key=${kind} onClick=${() => add(kind)}>${{ boost: "+ Move items up", pin: "+ Pin an item", hide: "+ Hide items" }[kind] ?? name}</button>`)}</div>`;
}

function Editor({ loaded, reload }) {
  const [rows, setRows] = useState(() => rowsOf(loaded.rules)), [places, setPlaces] = useState(loaded.rules.places);
  const [effects, setEffects] = useState(null), [isAsking, setAsking] = useState(false);
  const [isRunning, run] = useWork();
  const { users } = useStore(session);
  const body = () => rulesOf(rows, places);
  const edit = (change) => { setRows(change); setEffects(null); };
  const preview = (event) => {
    event.preventDefault();
    const user = new FormData(event.target).get("preview-user").trim() || null;
    run(async () => setEffects(await previewRules({ rules: body(), user })));
  };
  const publish = async () => {
    await publishRules({ rules: body(), version: loaded.version });
    showToast("Published: the next list follows these rules.");
    reload();
  };
  return html`<form class="rules" onSubmit=${preview}>
    <p class="hint">What is hidden is in no list: neither recommended nor found, and the assistant does not name it. Boosts and pins move recommendations: a boosted item moves up by ${number(places)} places at most; a pinned one is shown to who has not seen it, while it is in stock.</p>
    ${rows.length ? html`<ul class="rule-list">${rows.map((row, index) => html`<${RuleRow} key=${row.id} row=${row} number=${index + 1}
      change=${(next) => edit(rows.map((each) => (each.id === row.id ? next : each)))} remove=${() => edit(rows.filter((each) => each.id !== row.id))} />`)}</ul>` : html`<p class="state">There are no rules.</p>`}
    <${Add} add=${(kind) => edit([...rows, emptyRule(kind)])} />
    <div class="rule-acts"><label>Places to move up at most<input type="number" min="0" max="200" value=${places} required onInput=${(event) => { setPlaces(event.target.value); setEffects(null); }} /></label>
      <label>Show the list of<input name="preview-user" list="known-users" placeholder="who changes most" autocomplete="off" /></label>
      <datalist id="known-users">${users.map((each) => html`<option key=${each} value=${each} />`)}</datalist>
      <button disabled=${isRunning}>${isRunning ? "Working…" : "Preview"}</button>
      <button type="button" class="primary" disabled=${!effects} onClick=${() => setAsking(true)}>Publish</button></div>
    ${!effects && html`<p class="hint">Publish is there after a preview of what you see.</p>`}
    ${effects && html`<${Preview} effects=${effects} />`}
    ${isAsking && html`<${Confirm} title="Publish these rules?" action="Publish" close=${() => setAsking(false)} work=${publish}>
      <p>${number(effects.changed)} of ${number(effects.users)} lists of the sample change. The audit log notes who published.</p><//>`}
  </form>`;
}

export function Section() {
  const { data, error, retry } = useCall(loadRules, []);
  useEffect(() => { document.getElementById("view-title")?.focus({ preventScroll: true }); }, [data?.version]);
  return html`${error && html`<${Failure} error=${error} retry=${retry} />`}${data && html`<${Editor} key=${data.version} loaded=${data} reload=${retry} />`}`;
}
