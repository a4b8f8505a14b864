// An item's picture in the size that the screen needs; a quiet tile where there is none.
import { html, useState } from "../html.js";
import { session } from "../state/session.js";

const OWN = /^(\/stores\/[^/]+)?\/items\//;
const SIZES = [224, 448, 896]; // pixels, as the server scales them
export const sized = (src, size) => `${src}${src.includes("?") ? "&" : "?"}size=${size}`;
// Of one store among several, addresses begin with its name.
const addressOf = (item) => `${session.get().health?.address ?? ""}/items/${encodeURIComponent(item.item_id)}/image`;
const initial = (item) => (item.title || "?").slice(0, 1);

// A small picture of an item of which only the id is known, and whether it has one.
export const Thumbnail = ({ item, size, title = "" }) => (item.has_picture
  ? html`<img src=${sized(addressOf(item), SIZES[0])} alt=${title} title=${title || null} width=${size} height=${size} loading="lazy" />`
  : html`<span class="thumbnail none" style=${{ width: `${size}px`, height: `${size}px` }} title=${title || null}>
      <span aria-hidden="true">${initial(item)}</span>${title && html`<span class="unseen">${title}</span>`}</span>`);

export function Picture({ item, src = item.image, alt = "", sizes = "(min-width: 60rem) 16rem, 45vw", eager = false }) {
  const [failed, setFailed] = useState("");
  if (!src || failed === src) return html`<span class="picture none" aria-hidden="true">${initial(item)}</span>`;
  const isOwn = OWN.test(src); // further pictures have addresses of the shop, in one size
  return html`<img class="picture" src=${isOwn ? sized(src, 448) : src} srcset=${isOwn ? SIZES.map((size) => `${sized(src, size)} ${size}w`).join(", ") : null} sizes=${isOwn ? sizes : null} alt=${alt}
    width="448" height="448" decoding="async" loading=${eager ? "eager" : "lazy"} fetchpriority=${eager ? "high" : null}
    onError=${() => setFailed(src)} />`;
}
