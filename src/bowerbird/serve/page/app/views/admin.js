// For operators, in English: how the server does, and why a user sees what they see.
import { metrics } from "../api/metrics.js";
import { get, encoded } from "../api/request.js";
import { html, useState } from "../html.js";
import { Picture } from "../parts/picture.js";
import { Failure } from "../parts/states.js";
import { Why } from "../parts/why.js";
import { useCall } from "../state/call.js";
import { addressWith, navigate, route } from "../state/route.js";
import { session } from "../state/session.js";
import { useStore } from "../state/store.js";
import { number, percent, price, titleOf } from "../texts/index.js";

const MOST_ROUTES = 12;
const ENDLESS = "/users/{user}/changes"; // its time is that of its listeners

const Figure = ({ name, value }) => html`<div class="figure"><dt>${name}</dt><dd>${value}</dd></div>`;

function Numbers({ health, events, routes }) {
  const failures = routes.reduce((sum, each) => sum + each.failures, 0);
  return html`<dl class="figures">
    <${Figure} name="Users" value=${number(health.users)} /><${Figure} name="Items" value=${number(health.items)} />
    <${Figure} name="Events accepted" value=${number(events.accepted ?? 0)} /><${Figure} name="Events rejected" value=${number(events.rejected ?? 0)} />
    <${Figure} name="Failed requests" value=${number(failures)} /><${Figure} name="Set of versions" value=${health.set} /></dl>`;
}

function Latency({ routes }) {
  const shown = routes.filter((each) => each.route !== ENDLESS && !each.route.startsWith("/page/")).slice(0, MOST_ROUTES);
  const longest = Math.max(1, ...shown.map((each) => each.meanMs));
  return html`<section class="panel" aria-labelledby="latency-title"><h2 id="latency-title">Time to answer, by route</h2>
    <p class="hint">Since this process started. A bar is the mean; 95 % of the answers took at most what is written last.</p>
    <ul class="bar-list">${shown.map((each) => html`<li key=${each.route}><span class="route">${each.route}</span>
      <span class="bar-track"><span class="meter s0" style=${{ width: `${(100 * each.meanMs) / longest}%` }}></span></span>
      <span class="numbers">${number(each.meanMs)} ms · ${number(each.requests)} requests${each.failures ? html` · <strong>${number(each.failures)} failed</strong>` : ""} · ${each.p95Ms === null ? "" : Number.isFinite(each.p95Ms) ? `≤ ${number(each.p95Ms)} ms` : "> 30 s"}</span></li>`)}</ul></section>`;
}

function Versions({ health }) {
  return html`<section class="panel" aria-labelledby="versions-title"><h2 id="versions-title">Versions in force</h2>
    <dl class="facts">${Object.entries(health.versions).map(([kind, name]) => html`<div key=${kind}><dt>${kind}</dt><dd>${name ?? "none"}</dd></div>`)}</dl>
    <p class="hint">Go back with <code>bowerbird versions rollback</code>; the server follows within a second.</p></section>`;
}

function SourceShares({ items }) {
  const counts = Map.groupBy ? Map.groupBy(items, (item) => item.source) : new Map();
  return html`<ul class="legend">${[...counts].sort((a, b) => b[1].length - a[1].length).map(([source, all], index) => html`
    <li key=${source}><i class=${`s${index % 8}`}></i>${source}: ${all.length}</li>`)}</ul>`;
}

function Ranked({ item, rank, user }) {
  const [isOpen, setOpen] = useState(false);
  const outcomes = Object.entries(item.probability).map(([outcome, value]) => `${outcome} ${percent(value)}`).join(" · ");
  return html`<li class="ranked">
    <div class="ranked-line"><span class="rank-number">${rank}</span><${Picture} item=${item} sizes="4rem" />
      <div class="ranked-text"><strong>${titleOf(item)}</strong> <span>${price(item.price, item.currency)}</span>
        <p class="hint">${item.reason}</p><p class="numbers">${item.source} · score ${number(item.score, 3)} · ${outcomes}${item.propensity < 1 ? ` · propensity ${percent(item.propensity)}` : ""}${item.promoted ? " · moved up by a boost" : ""}</p></div>
      <button type="button" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>Why<span class="unseen"> ${titleOf(item)}</span></button></div>
    ${isOpen && html`<${Why} user=${user} item=${item} />`}</li>`;
}

function AsUser() {
  const { query } = useStore(route), { users } = useStore(session);
  const user = query.get("as") ?? users[0] ?? "";
  const { data, error, retry } = useCall(() => (user ? get(`/users/${encoded(user)}/recommendations?n=20`) : Promise.resolve(null)), [user]);
  const choose = (event) => {
    event.preventDefault();
    navigate(addressWith({ as: new FormData(event.target).get("as").trim() }));
  };
  return html`<section class="panel wide" aria-labelledby="as-title"><h2 id="as-title">See as a user</h2>
    <form class="new-board" onSubmit=${choose}><label class="unseen" for="as">User</label><input id="as" name="as" list="known-users" value=${user} required />
      <datalist id="known-users">${users.map((each) => html`<option key=${each} value=${each} />`)}</datalist><button class="primary">Show</button></form>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && html`<${SourceShares} items=${data.items} /><ol class="ranked-list">${data.items.map((item, index) => html`<${Ranked} key=${item.item_id} item=${item} rank=${index + 1} user=${user} />`)}</ol>`}
  </section>`;
}

export function AdminView() {
  const { data, error, retry } = useCall(() => Promise.all([get("/healthz"), metrics()]), []);
  const [health, { routes, events } = {}] = data ?? [];
  return html`<section class="admin" aria-labelledby="view-title">
    <div class="heading"><h1 id="view-title" tabindex="-1">Operations</h1><button type="button" class="quiet" onClick=${retry}>Refresh</button></div>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && html`<${Numbers} health=${health} events=${events} routes=${routes} />
      <div class="panels"><${Latency} routes=${routes} /><${Versions} health=${health} /></div><${AsUser} />`}
  </section>`;
}
