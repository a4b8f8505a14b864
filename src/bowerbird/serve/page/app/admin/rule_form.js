// One rule as a row of fields; what is empty is no condition. A filter that fields can't say stays as it is.
import { html } from "../html.js";

const list = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);
export const KINDS = { boost: "Move up", pin: "Pin", hide: "Hide" };
const SIMPLE = ["brand", "category", "attributes", "item_id"];
let next = 0;
export const emptyRule = (kind) => ({ id: `rule-${next++}`, kind, brand: "", category: "", attribute: "", value: "", items: "", factor: 2, place: 1, raw: null });

const firstOf = (value) => [value ?? []].flat().join(", ");

function isSimple(filter) {
  const used = Object.entries(filter).filter(([, value]) => value !== null);
  return used.every(([name]) => SIMPLE.includes(name)) && Object.keys(filter.attributes ?? {}).length < 2;
}

function rowOf(kind, source) {
  const [attribute, value] = Object.entries(source.attributes ?? {})[0] ?? ["", ""];
  return {
    ...emptyRule(kind), brand: firstOf(source.brand), category: firstOf(source.category), attribute, value: firstOf(value),
    items: firstOf(source.item_ids ?? source.item_id), factor: source.factor ?? 2, place: source.place ?? 1,
    raw: kind === "pin" || isSimple({ ...source, factor: null, item_ids: null }) ? null : source,
  };
}

export const rowsOf = (rules) => [
  ...rules.boost.map((each) => rowOf("boost", each)), ...rules.pin.map((each) => rowOf("pin", each)), ...rules.hide.map((each) => rowOf("hide", each)),
];

function sourceOf(row) {
  if (row.raw) return row.raw;
  if (row.kind === "pin") return { item_id: row.items.trim(), place: Number(row.place) };
  const isBoost = row.kind === "boost", all = (text) => (isBoost ? text.trim() : list(text));
  const source = isBoost ? { factor: Number(row.factor) } : {};
  if (row.brand.trim()) source.brand = all(row.brand);
  if (row.category.trim()) source.category = all(row.category);
  if (row.attribute.trim()) source.attributes = { [row.attribute.trim()]: all(row.value) };
  if (row.items.trim()) source[isBoost ? "item_ids" : "item_id"] = list(row.items);
  return source;
}

export function rulesOf(rows, places) {
  const of = (kind) => rows.filter((row) => row.kind === kind).map(sourceOf);
  return { places: Number(places), boost: of("boost"), pin: of("pin"), hide: of("hide") };
}

const Field = ({ row, name, label, change, ...rest }) => html`<label>${label}<input value=${row[name]} ...${rest}
  onInput=${(event) => change({ ...row, [name]: event.target.value })} /></label>`;

export function RuleRow({ row, number, change, remove }) {
  const name = `Rule ${number}: ${KINDS[row.kind]}`;
  return html`<li class="rule"><fieldset><legend>${KINDS[row.kind]}</legend>
    ${row.raw ? html`<p class="hint">Written by hand in the file: <code>${JSON.stringify(row.raw)}</code></p>` : html`
    ${row.kind !== "pin" && html`<${Field} row=${row} name="brand" label="Brand" change=${change} /><${Field} row=${row} name="category" label="Category" change=${change} />
      <${Field} row=${row} name="attribute" label="Attribute" change=${change} placeholder="color" /><${Field} row=${row} name="value" label="Its value" change=${change} />`}
    <${Field} row=${row} name="items" label=${row.kind === "pin" ? "Item id" : "Item ids, with commas"} change=${change} required=${row.kind === "pin"} />
    ${row.kind === "boost" && html`<${Field} row=${row} name="factor" label="Times" change=${change} type="number" min="1.01" step="any" required />`}
    ${row.kind === "pin" && html`<${Field} row=${row} name="place" label="Place" change=${change} type="number" min="1" max="200" required />`}`}
    <button type="button" class="quiet" aria-label=${`Remove ${name}`} onClick=${remove}>Remove</button></fieldset></li>`;
}
