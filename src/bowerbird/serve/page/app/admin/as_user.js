// See as a user: their list, and everything that led to it.
import { traceOf } from "../api/operations.js";
import { html, useState } from "../html.js";
import { Field } from "../parts/field.js";
import { Picture } from "../parts/picture.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { addressWith, navigate, route } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { number, percent, price, titleOf } from "../texts/index.js";
import { Bars } from "./charts.js";

export function UserForm({ user, label = "User", isOptional = false }) {
  const { users } = useStore(session);
  const choose = (event) => {
    event.preventDefault();
    navigate(addressWith({ as: new FormData(event.target).get("as").trim() }));
  };
  return html`<form class="new-board" onSubmit=${choose}><label class="unseen" for="as">${label}</label><${Field} id="as" name="as" list="known-users" value=${user} placeholder=${label} required=${!isOptional} autocomplete="off" />
    <datalist id="known-users">${users.map((each) => html`<option key=${each} value=${each} />`)}</datalist><button class="primary">Show</button></form>`;
}

export function useChosenUser() {
  const { query } = useStore(route), { users } = useStore(session);
  return query.get("as") ?? users[0] ?? "";
}

function Features({ item }) {
  const shown = item.features.filter((each) => each.value !== null);
  return html`<section aria-label="Features"><h2>What the ranker read</h2><p class="hint">Beside the median of all candidates. Ranks and counts are logarithms.</p>
    <div class="table-box" tabindex="0" role="group" aria-label=${`Features of ${titleOf(item)}`}><table class="comparison"><thead><tr><th scope="col">feature</th><th scope="col">value</th><th scope="col">median</th></tr></thead>
    <tbody>${shown.map((each) => html`<tr key=${each.name}><th scope="row">${each.name}</th><td>${number(each.value, 2)}</td><td>${each.median === null ? "" : number(each.median, 2)}</td></tr>`)}</tbody></table></div>
    ${shown.length < item.features.length && html`<p class="hint">Unknown: ${item.features.filter((each) => each.value === null).map((each) => each.name).join(", ")}.</p>`}</section>`;
}

function Behind({ item, candidates }) {
  return html`<div class="behind">
    <section aria-label="Sources"><h2>Proposed by</h2>
      ${item.proposals.length ? html`<ol class="plain">${item.proposals.map((each) => html`<li key=${each.source}><strong>${each.source}</strong>, as its no. ${number(each.rank)}</li>`)}</ol>` : html`<p>No source: a rule brought it.</p>`}
      <h2>Scored</h2><p>The ranker puts it at ${number(item.rank_by_score)} of ${number(candidates)} candidates. Session, diversity, young items and rules made that place ${number(item.position)}.</p>
      ${item.rules.length > 0 && html`<h2>Rules</h2><ul class="plain">${item.rules.map((rule) => html`<li key=${rule}>${rule}</li>`)}</ul>`}
      ${Object.keys(item.probability).length > 0 && html`<h2>Likely to</h2><ul class="plain">${Object.entries(item.probability).map(([outcome, value]) => html`<li key=${outcome}>${outcome}: ${percent(value)}</li>`)}</ul>`}</section>
    <${Features} item=${item} /></div>`;
}

function Ranked({ item, candidates }) {
  const [isOpen, setOpen] = useState(false);
  return html`<li class="ranked" data-item=${item.item_id}>
    <div class="ranked-line"><span class="rank-number">${item.position}</span><${Picture} item=${item} sizes="4rem" />
      <div class="ranked-text"><strong>${titleOf(item)}</strong> <span>${price(item.price, item.currency)}</span>
        <p class="hint">${item.reason}</p><p class="numbers">${item.proposals.map((each) => each.source).join(", ") || item.source} · score ${number(item.score, 3)}${item.promoted ? " · moved by a rule" : ""}</p></div>
      <button type="button" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>Why<span class="unseen"> ${titleOf(item)}</span></button></div>
    ${isOpen && html`<${Behind} item=${item} candidates=${candidates} />`}</li>`;
}

function Sources({ trace }) {
  const rows = Object.entries(trace.proposed_by).sort(([, a], [, b]) => b - a).map(([name, value]) => ({
    name, value, note: `${number(trace.items.filter((item) => item.proposals.some((each) => each.source === name)).length)} of them in the list`,
  }));
  return html`<section class="panel" aria-labelledby="sources-title"><h2 id="sources-title">Where ${number(trace.n_candidates)} candidates come from</h2>
    <p class="hint">Several sources may propose the same item.</p><${Bars} label="Candidates by source" rows=${rows} /></section>`;
}

export function Section() {
  const user = useChosenUser();
  const { data: trace, error, retry } = useCall(() => (user ? traceOf(user) : Promise.resolve(null)), [user]);
  return html`<${UserForm} user=${user} />
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${trace && html`${!trace.is_known && html`<p class="notice">Nothing is known of this user: the list is of what is popular.</p>`}
      <div class="list-and-sources"><ol class="ranked-list" aria-label=${`List of ${trace.user}`}>${trace.items.map((item) => html`<${Ranked} key=${item.item_id} item=${item} candidates=${trace.n_candidates} />`)}</ol>
      <${Sources} trace=${trace} /></div>`}`;
}
