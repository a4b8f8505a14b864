// Charts of the operators' pages, in SVG; a reader gets their numbers as a table.
import { html } from "../html.js";
import { number } from "../texts/index.js";

const WIDTH = 600, HEIGHT = 160;
const highestOf = (series) => Math.max(1e-9, ...series.flatMap((each) => each.values.filter(Number.isFinite)));

function Table({ caption, labels, series, digits }) {
  return html`<details><summary>As a table</summary><div class="table-box" tabindex="0" role="group" aria-label=${`${caption}, as a table`}><table class="comparison">
    <thead><tr><th scope="col">When</th>${series.map((each) => html`<th scope="col" key=${each.name}>${each.name}</th>`)}</tr></thead>
    <tbody>${labels.map((label, index) => html`<tr key=${label}><th scope="row">${label}</th>${series.map((each) => html`<td key=${each.name}>${number(each.values[index], digits)}</td>`)}</tr>`)}</tbody></table></div></details>`;
}

function Legend({ series, highest, unit, digits }) {
  return html`<ul class="legend">${series.map((each, index) => html`<li key=${each.name}><i class=${`s${index % 8}`}></i>${each.name}</li>`)}
    <li>top of the scale: ${number(highest, digits)}${unit}</li></ul>`;
}

// Lines over time; `series` are `{ name, values }` with a value for each of `labels`.
export function Lines({ caption, labels, series, unit = "", digits = 0, withTable = true }) {
  const highest = highestOf(series), step = WIDTH / Math.max(1, labels.length - 1);
  const point = (value, index) => `${(index * step).toFixed(1)},${(HEIGHT - (HEIGHT * value) / highest).toFixed(1)}`;
  return html`<figure class="chart"><figcaption>${caption}</figcaption>
    <svg viewBox=${`0 -4 ${WIDTH} ${HEIGHT + 8}`} preserveAspectRatio="none" role="img" aria-label=${`${caption}: ${series.map((each) => `${each.name} ${number(each.values.at(-1) ?? 0, digits)}${unit}`).join(", ")} at the end`}>
      <path class="axis" d=${`M0 ${HEIGHT}H${WIDTH}`} />
      ${series.map((each, index) => html`<polyline key=${each.name} class=${`s${index % 8}`} points=${each.values.map(point).join(" ")} />`)}</svg>
    <div class="days" aria-hidden="true"><span>${labels[0]}</span><span>${labels.at(-1)}</span></div>
    <${Legend} series=${series} highest=${highest} unit=${unit} digits=${digits} />
    ${withTable && html`<${Table} caption=${caption} labels=${labels} series=${series} digits=${digits} />`}</figure>`;
}

// Named amounts as bars, largest first or as they come; `note` stands behind the number.
export function Bars({ label, rows, unit = "", digits = 0 }) {
  const maxValue = Math.max(1e-9, ...rows.map((row) => row.value));
  return html`<ul class="bar-list" aria-label=${label}>${rows.map((row) => html`<li key=${row.name}>
    <span class="route">${row.href ? html`<a href=${row.href} aria-current=${row.isCurrent ? "true" : null}>${row.name}</a>` : row.name}</span>
    <span class="bar-track">${row.value > 0 && html`<span class="meter s0" style=${{ width: `${(100 * row.value) / maxValue}%` }}></span>`}</span>
    <span class="numbers">${number(row.value, digits)}${unit}${row.note ? html` · ${row.note}` : ""}</span></li>`)}</ul>`;
}

export const Figure = ({ name, value, note }) => html`<div class="figure"><dt>${name}</dt><dd>${value}${note && html`<span class="numbers">${note}</span>`}</dd></div>`;
