// Interests over time as a stream: a band's width says how strong an interest was; below, each event as a bar.
import { html } from "../html.js";
import { day, t } from "../texts/index.js";

const REST = "everything else"; // the band of all interests that are not named
const nameOf = ({ name }) => (name === REST ? t("taste.other") : name);

export function Stream({ drawing }) {
  const { width, height, tick_height: tickHeight, bands, ticks, days } = drawing;
  return html`<figure class="stream">
    <svg viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label=${t("taste.stream", { names: bands.map(nameOf).join("; ") })}>
      ${bands.map((band, index) => html`<path key=${band.name} d=${band.path} class=${`s${index}`}><title>${nameOf(band)}</title></path>`)}</svg>
    <svg viewBox=${`0 0 ${width} ${tickHeight}`} preserveAspectRatio="none" class="ticks" aria-hidden="true">
      ${ticks.map((tick, index) => html`<rect key=${index} class=${tick.css_class} x=${tick.x} y=${tick.y} width=${tick.width} height=${tick.height}><title>${tick.description}</title></rect>`)}</svg>
    <div class="days" aria-hidden="true">${days.map((each) => html`<span key=${each}>${day(each)}</span>`)}</div>
    <figcaption><ul class="legend">${bands.map((band, index) => html`<li key=${band.name}><i class=${`s${index}`}></i>${nameOf(band)}</li>`)}</ul></figcaption>
  </figure>`;
}
