// What operators do: once however often they click, with a question before what can't be seen to be harmless.
import { html, useRef, useState } from "../html.js";
import { Dialog } from "../parts/dialog.js";
import { showToast } from "../state/toast.js";

// Runs `work` unless it is running already; an error becomes a message.
export function useWork() {
  const [isRunning, setRunning] = useState(false);
  const running = useRef(false);
  const run = async (work) => {
    if (running.current) return undefined;
    running.current = true;
    setRunning(true);
    try {
      return await work();
    } catch (error) {
      showToast(error.message);
      return undefined;
    } finally {
      running.current = false;
      setRunning(false);
    }
  };
  return [isRunning, run];
}

export function Confirm({ title, action, children, isDanger = false, close, work }) {
  const [isRunning, run] = useWork();
  const confirm = () => run(async () => { await work(); close(); });
  return html`<${Dialog} title=${title} close=${close} className="small"><div class="fields">${children}
    <div class="dialog-acts"><button type="button" onClick=${close}>Cancel</button>
      <button type="button" class=${isDanger ? "danger" : "primary"} disabled=${isRunning} onClick=${confirm}>${action}</button></div></div><//>`;
}
