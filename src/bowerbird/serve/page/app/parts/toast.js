import { html } from "../html.js";
import { dismissToast, holdToast, layers, releaseToast, toast } from "../state/toast.js";
import { useStore } from "../state/store.js";

// In the frame, and in each dialog: what lies outside of a modal dialog can be neither seen nor clicked.
export function Toast({ layer = "page" }) {
  const message = useStore(toast), top = useStore(layers).at(-1) ?? "page";
  const shown = layer === top && message;
  const run = () => { dismissToast(); shown.action.run(); };
  return html`<div class="toasts" role="status" aria-live="polite">${shown && html`
    <div class="toast" key=${shown.id} onMouseEnter=${holdToast} onMouseLeave=${releaseToast} onFocusCapture=${holdToast} onBlurCapture=${releaseToast}>
      <span>${shown.text}</span>
      ${shown.action && html`<button type="button" onClick=${run}>${shown.action.label}</button>`}
    </div>`}</div>`;
}
