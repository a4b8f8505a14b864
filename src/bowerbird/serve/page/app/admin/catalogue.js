// All imported items, also those that are never shown, and what is wrong with them.
import { catalogue } from "../api/operations.js";
import { html } from "../html.js";
import { Field } from "../parts/field.js";
import { Picture } from "../parts/picture.js";
import { Failure } from "../parts/states.js";
import { useCall } from "../state/call.js";
import { addressWith, navigate, route } from "../state/route.js";
import { useStore } from "../state/store.js";
import { number, price, titleOf } from "../texts/index.js";
import { Bars } from "./charts.js";

const PAGE = 24;
const FAULTS = {
  no_title: "no title", no_price: "no price", no_picture: "no picture", picture_unread: "picture not readable", no_vector: "not encoded yet",
  sold_out: "sold out", withdrawn: "withdrawn",
};

function Faults({ counts, imported, current }) {
  const rows = Object.entries(FAULTS).map(([fault, name]) => ({
    name, value: counts[fault] ?? 0, isCurrent: fault === current, note: `${number((100 * (counts[fault] ?? 0)) / Math.max(1, imported), 1)} %`,
    href: addressWith({ fault: fault === current ? "" : fault, start: "" }),
  }));
  return html`<section class="panel" aria-labelledby="faults-title"><h2 id="faults-title">What is broken</h2>
    <p class="hint">Of ${number(imported)} imported items. A name shows its items alone; again, all.</p><${Bars} label="Items by fault" rows=${rows} /></section>`;
}

function Row({ item }) {
  return html`<li class="ranked" data-item=${item.item_id}><div class="ranked-line"><${Picture} item=${item} sizes="4rem" />
    <div class="ranked-text"><strong>${titleOf(item)}</strong> <span>${price(item.price, item.currency)}</span>
      <p class="hint">${[item.item_id, item.brand, item.category.join(" › ")].filter(Boolean).join(" · ")}</p>
      ${item.picture_fault && html`<p class="numbers">Picture: ${item.picture_fault}</p>`}</div>
    <ul class="faults" aria-label="Faults">${item.faults.map((fault) => html`<li key=${fault}>${FAULTS[fault]}</li>`)}</ul></div></li>`;
}

function Pager({ start, total }) {
  const go = (next) => { navigate(addressWith({ start: next || "" })); window.scrollTo(0, 0); };
  return html`<div class="pager"><button type="button" disabled=${start === 0} onClick=${() => go(Math.max(0, start - PAGE))}>Previous</button>
    <span class="numbers">${total ? `${number(start + 1)} to ${number(Math.min(total, start + PAGE))} of ${number(total)}` : "none"}</span>
    <button type="button" disabled=${start + PAGE >= total} onClick=${() => go(start + PAGE)}>Next</button></div>`;
}

export function Section() {
  const { query } = useStore(route);
  const q = query.get("q") ?? "", fault = query.get("fault") ?? "", start = Number(query.get("start")) || 0;
  const { data, error, retry } = useCall(() => catalogue({ q, fault, start, n: PAGE }), [q, fault, start]);
  const search = (event) => {
    event.preventDefault();
    navigate(addressWith({ q: new FormData(event.target).get("q").trim(), start: "" }));
  };
  return html`<form class="new-board" onSubmit=${search}><label class="unseen" for="catalogue-query">A part of an id, a title or a brand</label>
      <${Field} id="catalogue-query" name="q" type="search" placeholder="Id, title or brand" value=${q} autocomplete="off" /><button class="primary">Find</button></form>
    ${error && html`<${Failure} error=${error} retry=${retry} />`}
    ${data && html`<div class="list-and-sources"><div>
      ${data.items.length ? html`<ul class="ranked-list" aria-label="Items">${data.items.map((item) => html`<${Row} key=${item.item_id} item=${item} />`)}</ul>` : html`<div class="state"><p>No item is like that.</p></div>`}
      <${Pager} start=${start} total=${data.total} /></div>
      <${Faults} counts=${data.faults} imported=${data.imported} current=${fault} /></div>`}`;
}
