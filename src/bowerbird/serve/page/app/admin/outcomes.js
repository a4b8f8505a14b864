// What came of what was shown: clicks, saves and purchases by day, by surface, source or set of versions.
import { outcomes } from "../api/operations.js";
import { html } from "../html.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { addressWith, navigate, route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { number } from "../texts/index.js";
import { Bars, Lines } from "./charts.js";

const BY = { surface: "Surface", source: "Source", version_set: "Set of versions" };
const OUTCOMES = { click: "Clicks", save: "Saves", purchase: "Purchases" };
const MAX_SERIES = 6;
const sum = (values) => values.reduce((total, each) => total + each, 0);

const Choice = ({ name, label, value, options }) => html`<label>${label}<select name=${name} value=${value} onChange=${(event) => navigate(addressWith({ [name]: event.target.value }))}>
  ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select></label>`;

function Charts({ history }) {
  const series = history.series.slice(0, MAX_SERIES);
  const lines = (values) => series.map((each) => ({ name: each.name, values: values(each) }));
  return html`<div class="chart-pair"><${Lines} caption="Items shown a day" labels=${history.days} series=${lines((each) => each.shown)} />
    ${Object.entries(OUTCOMES).map(([outcome, name]) => html`<${Lines} key=${outcome} caption=${`${name} of them`} labels=${history.days} series=${lines((each) => each.outcomes[outcome])} />`)}</div>`;
}

function Rates({ history }) {
  return html`<div class="panels">${Object.entries(OUTCOMES).map(([outcome, name]) => html`<section class="panel" key=${outcome} aria-label=${`${name} per 100 items shown`}><h2>${name} per 100 items shown</h2>
    <${Bars} label=${name} digits=${2} rows=${history.series.slice(0, MAX_SERIES).map((each) => ({
      name: each.name, value: (100 * sum(each.outcomes[outcome])) / Math.max(1, sum(each.shown)), note: `${number(sum(each.outcomes[outcome]))} of ${number(sum(each.shown))}`,
    }))} /></section>`)}</div>`;
}

export function Section() {
  const { query } = useStore(route);
  const by = query.get("by") ?? "surface", days = query.get("days") ?? "30";
  const { data, error, retry } = useCall(() => outcomes({ by, days }), [by, days]);
  return html`<form class="filters" aria-label="What to count" onSubmit=${(event) => event.preventDefault()}>
      <${Choice} name="by" label="By" value=${by} options=${Object.entries(BY)} /><${Choice} name="days" label="Days" value=${days} options=${["7", "30", "90", "365"].map((each) => [each, each])} /></form>
    <p class="hint">An outcome counts where its event names the list that showed the item.</p>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && (data.series.length ? html`<${Rates} history=${data} /><section class="panel wide" aria-label="Over time"><${Charts} history=${data} /></section>`
      : html`<div class="state"><p>No list was shown yet. The log begins with the first one, and is written every ten seconds.</p></div>`)}`;
}
