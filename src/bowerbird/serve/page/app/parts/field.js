// An input that keeps what is being typed while the view around it renders again.
import { html, useEffect, useRef, useState } from "../html.js";

// `value` is what the input starts from; a new one is shown unless somebody is typing.
export function Field({ value, ...rest }) {
  const input = useRef(null);
  const [draft, setDraft] = useState(null);
  useEffect(() => {
    if (document.activeElement !== input.current) setDraft(null);
  }, [value]);
  return html`<input ref=${input} ...${rest} value=${draft ?? value} onInput=${(event) => setDraft(event.target.value)} />`;
}
