// An item's picture in the size that the screen needs; a quiet tile where there is none.
import { html, useState } from "../html.js";

const SIZES = [224, 448, 896]; // pixels, as the server scales them
const sized = (src, size) => `${src}${src.includes("?") ? "&" : "?"}size=${size}`;

export function Picture({ item, src = item.image, alt = "", sizes = "(min-width: 60rem) 16rem, 45vw", eager = false }) {
  const [failed, setFailed] = useState("");
  if (!src || failed === src) return html`<span class="picture none" aria-hidden="true">${(item.title || "?").slice(0, 1)}</span>`;
  const isOwn = src.startsWith("/items/"); // further pictures have addresses of the shop, in one size
  return html`<img class="picture" src=${isOwn ? sized(src, 448) : src} srcset=${isOwn ? SIZES.map((size) => `${sized(src, size)} ${size}w`).join(", ") : null} sizes=${isOwn ? sizes : null} alt=${alt}
    width="448" height="448" decoding="async" loading=${eager ? "eager" : "lazy"} fetchpriority=${eager ? "high" : null}
    onError=${() => setFailed(src)} />`;
}
