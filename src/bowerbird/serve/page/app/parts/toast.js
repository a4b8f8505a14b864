import { html } from "../html.js";
import { dismissToast, holdToast, releaseToast, toast } from "../state/toast.js";
import { useStore } from "../state/store.js";

export function Toast() {
  const shown = useStore(toast);
  const run = () => { dismissToast(); shown.action.run(); };
  return html`<div class="toasts" role="status" aria-live="polite">${shown && html`
    <div class="toast" key=${shown.id} onMouseEnter=${holdToast} onMouseLeave=${releaseToast} onFocusCapture=${holdToast} onBlurCapture=${releaseToast}>
      <span>${shown.text}</span>
      ${shown.action && html`<button type="button" onClick=${run}>${shown.action.label}</button>`}
    </div>`}</div>`;
}
