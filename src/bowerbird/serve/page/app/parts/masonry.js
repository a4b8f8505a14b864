// Cards in columns, each next one at the shortest: the order of the document is the ranking's, row by row.
import { html, useCallback, useEffect, useLayoutEffect, useRef } from "../html.js";

const GAP = 16, NARROW_GAP = 10, MIN_WIDTH = 200;

function place(container) {
  const width = container.clientWidth;
  const gap = width < 500 ? NARROW_GAP : GAP;
  const columns = Math.max(2, Math.floor((width + gap) / (MIN_WIDTH + gap)));
  const cardWidth = (width - gap * (columns - 1)) / columns;
  container.style.setProperty("--card-width", `${cardWidth}px`);
  const heights = new Array(columns).fill(0);
  const cards = [...container.children];
  const sizes = cards.map((card) => card.offsetHeight); // read all, then write all: one layout
  cards.forEach((card, index) => {
    const column = heights.indexOf(Math.min(...heights));
    card.style.transform = `translate(${column * (cardWidth + gap)}px, ${heights[column]}px)`;
    heights[column] += sizes[index] + gap;
  });
  container.style.height = `${Math.max(0, Math.max(...heights) - gap)}px`;
}

export function Masonry({ children, label }) {
  const container = useRef(null);
  const layOut = useCallback(() => container.current && place(container.current), []);
  useLayoutEffect(layOut);
  useEffect(() => {
    const observer = new ResizeObserver(layOut);
    observer.observe(container.current);
    return () => observer.disconnect();
  }, [layOut]);
  return html`<div class="masonry" ref=${container} role="group" aria-label=${label}>${children}</div>`;
}

export const Skeletons = ({ count = 8 }) => html`<${Masonry}>
  ${Array.from({ length: count }, (_, index) => html`<div class="card skeleton" key=${index} aria-hidden="true">
    <div class="frame"></div><div class="text"><span></span><span></span></div></div>`)}
<//>`;
