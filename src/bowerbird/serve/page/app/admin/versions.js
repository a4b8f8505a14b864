// Sets of versions: their metrics, how two differ, and the way back.
import { difference, rollBack, versions } from "../api/operations.js";
import { html, useState } from "../html.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { addressWith, route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { showToast } from "../state/toast.js";
import { number } from "../texts/index.js";
import { Bars } from "./charts.js";
import { Confirm } from "./confirm.js";

const METRIC = /(ndcg|recall|mrr|auc|accuracy|map)[^.]*$/i, MAX_METRICS = 8;
const value = (each) => (each === null || each === undefined ? "none" : typeof each === "number" ? number(each, Number.isInteger(each) ? 0 : 4) : String(each));
const time = (since) => (since ? new Date(since).toLocaleString() : "not known");
const metricsOf = (set) => Object.entries(set.figures).filter(([name, each]) => METRIC.test(name) && typeof each === "number" && each >= 0 && each <= 1);

// By their numbers, so that no set changes its place when another one comes into force.
const newestFirst = (sets) => [...sets].sort((a, b) => b.number - a.number);

function Metrics({ set }) {
  const rows = metricsOf(set).slice(0, MAX_METRICS).map(([name, each]) => ({ name, value: each }));
  return rows.length ? html`<${Bars} label=${`Metrics of set ${set.number}`} rows=${rows} digits=${4} />` : html`<p class="hint">No metric is written in its versions.</p>`;
}

function Figures({ set }) {
  return html`<details><summary>All figures and versions</summary><div class="table-box" tabindex="0" role="group" aria-label=${`Figures of set ${set.number}`}><table class="comparison"><tbody>
    ${[...Object.entries(set.versions), ...Object.entries(set.figures)].map(([name, each]) => html`<tr key=${name}><th scope="row">${name}</th><td>${value(each)}</td></tr>`)}</tbody></table></div></details>`;
}

function VersionSet({ set, served, current, askBack }) {
  const marks = [set.in_force && "in force", set.number === served && "served", set.rolled_back && "rolled back to", !set.complete && "incomplete"].filter(Boolean);
  return html`<li class="panel version-set" data-set=${set.number}><div class="heading"><h2>Set ${set.number}</h2>
      ${!set.in_force && html`<div class="chips"><a class="button" href=${addressWith({ before: set.number, after: current })}>Compare</a>
        <button type="button" onClick=${() => askBack(set)}>Roll back<span class="unseen"> to set ${set.number}</span></button></div>`}</div>
    <p class="hint">${marks.join(", ") || "not in force"}</p><p class="hint">Since ${time(set.since)}. Changed: ${set.changed.join(", ") || "nothing"}.</p>
    <${Metrics} set=${set} /><${Figures} set=${set} /></li>`;
}

// Rows in which two sets differ: the list of sets has them, so the table need not wait and nothing moves.
function differingRows(before, after) {
  const rows = (part) => [...new Set([...Object.keys(before[part]), ...Object.keys(after[part])])].sort()
    .map((name) => [name, [before[part][name], after[part][name]]]).filter(([, [old, next]]) => old !== next);
  return [...rows("versions"), ...rows("figures")];
}

function itemsText({ added, removed, changed, fields }) {
  const names = Object.entries(fields).map(([name, count]) => `${name} ${number(count)}`).join(", ");
  return `${number(added)} items added, ${number(removed)} removed, ${number(changed)} changed${changed ? ` (${names})` : ""}.`;
}

function Difference({ before, after, sets }) {
  const { data, error, retry } = useCall(() => difference(before, after), [before, after]);
  const [old, next] = [before, after].map((number) => sets.find((set) => set.number === Number(number)));
  if (error) return html`<${Failure} error=${error} retry=${retry} />`;
  const rows = old && next ? differingRows(old, next) : [];
  return html`<section class="panel wide" aria-labelledby="difference-title"><div class="heading"><h2 id="difference-title">From set ${before} to set ${after}</h2><a href=${addressWith({ before: "", after: "" })}>Close</a></div>
    <p role="status">${data ? itemsText(data.items) : "Comparing the items…"}</p>
    <div class="table-box" tabindex="0" role="group" aria-label="Differences"><table class="comparison"><thead><tr><th scope="col">what</th><th scope="col">set ${before}</th><th scope="col">set ${after}</th></tr></thead><tbody>
      ${rows.map(([name, [old, next]]) => html`<tr key=${name}><th scope="row">${name}</th><td>${value(old || null)}</td><td>${value(next || null)}</td></tr>`)}</tbody></table></div></section>`;
}

export function Section() {
  const { query } = useStore(route);
  const { data, error, retry } = useCall(versions, []);
  const [chosen, setChosen] = useState(null);
  const before = query.get("before"), after = query.get("after");
  const back = async () => {
    const result = await rollBack(chosen.number);
    showToast(result.served === result.now ? `Set ${result.now} is in force and served.` : `Set ${result.now} is in force; it is served when what it lacks is trained.`);
    retry();
  };
  return html`${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && before && after && html`<${Difference} before=${before} after=${after} sets=${data.sets} />`}
    ${data && html`<ul class="version-sets">${newestFirst(data.sets).map((set) => html`<${VersionSet} key=${set.number} set=${set} served=${data.served} current=${data.sets[0].number} askBack=${setChosen} />`)}</ul>`}
    ${chosen && html`<${Confirm} title=${`Go back to set ${chosen.number}?`} action="Roll back" isDanger close=${() => setChosen(null)} work=${back}>
      <p>Every answer comes from it as soon as it is open. Events stay. The set that is in force now is kept, and you can go back to it the same way.</p><//>`}`;
}
