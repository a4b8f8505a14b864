// A reply of the assistant while it comes: items first, then words, then what was understood and what it cost.
import { call } from "./request.js";
import { serverEvents } from "./server_events.js";

// The words are escaped for clients that render Markdown.
const plain = (text) => text.replace(/\\([^\w\s])/g, "$1");

function contentOf({ text, picture, subject }) {
  if (!picture && !subject) return text;
  const parts = [];
  if (subject) parts.push({ type: "item", item_id: subject.item_id });
  if (picture) parts.push({ type: "image_url", image_url: { url: picture } });
  if (text) parts.push({ type: "text", text });
  return parts;
}

// Yields changes of the reply. Throws a `CallError`; "AbortError" where it was stopped.
export async function* streamReply({ user, state, signal, ...message }) {
  const body = {
    model: "bowerbird", stream: true, user, messages: [{ role: "user", content: contentOf(message) }],
    bowerbird: state ? { state } : {},
  };
  const headers = { "Content-Type": "application/json" };
  const response = await call("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(body), signal });
  let written = "";
  for await (const chunk of serverEvents(response)) {
    if (chunk.error) throw new Error(chunk.error.message);
    const extension = chunk.bowerbird;
    const text = chunk.choices[0]?.delta.content;
    if (text) written += text;
    if (extension?.state) yield { ...extension, versions: chunk.system_fingerprint };
    else if (extension) yield { items: extension.items, act: extension.act };
    else if (text) yield { text: plain(written) };
  }
}
