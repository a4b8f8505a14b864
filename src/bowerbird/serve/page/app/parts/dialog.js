// A modal dialog: the browser keeps the focus inside and gives it back, and Escape closes.
import { html, useEffect, useId, useRef } from "../html.js";
import { t } from "../texts/index.js";
import { openLayer } from "../state/toast.js";
import { Icon } from "./icons.js";
import { Toast } from "./toast.js";

export function Dialog({ title, close, className = "", children, isTitleShown = true }) {
  const dialog = useRef(null), id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current.showModal();
    const closeLayer = openLayer(id);
    return () => {
      closeLayer();
      if (opener?.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event) => { event.preventDefault(); close(); };
  const click = (event) => { if (event.target === dialog.current) close(); };
  return html`<dialog ref=${dialog} class=${className} aria-labelledby=${id} onCancel=${cancel} onClick=${click}>
    <div class="inside">
      <div class="dialog-bar">
        <h2 id=${id} class=${isTitleShown ? "" : "unseen"}>${title}</h2>
        <button type="button" class="quiet round" aria-label=${t("action.close")} onClick=${close}><${Icon} name="close" /></button>
      </div>
      ${children}
    </div>
    <${Toast} layer=${id} />
  </dialog>`;
}
