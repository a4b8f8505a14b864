// An item's picture in the size that the screen needs; a quiet tile where there is none.
import { html, useState } from "../html.js";

export function Picture({ item, src = item.image, alt = "", sizes = "(min-width: 60rem) 18rem, 45vw", eager = false }) {
  const [failed, setFailed] = useState("");
  if (!src || failed === src) return html`<span class="picture none" aria-hidden="true">${(item.title || "?").slice(0, 1)}</span>`;
  return html`<img class="picture" src=${src} srcset=${item.image_srcset} sizes=${item.image_srcset && sizes} alt=${alt}
    width="448" height="448" decoding="async" loading=${eager ? "eager" : "lazy"} fetchpriority=${eager ? "high" : null}
    onError=${() => setFailed(src)} />`;
}
