// Line icons, 24 by 24, drawn with the colour of the text around them.
import { html } from "../html.js";

const PATHS = {
  heart: "M12 20s-7.5-4.6-9.2-9C1.5 7.4 3.6 4.5 6.8 4.5c2.1 0 3.9 1.2 5.2 3 1.3-1.8 3.1-3 5.2-3 3.2 0 5.3 2.9 4 6.5C19.5 15.4 12 20 12 20z",
  close: "M6 6l12 12M18 6L6 18",
  hide: "M3 3l18 18M10.6 6.2A9.6 9.6 0 0112 6c5 0 8.5 4.2 9.5 6a16 16 0 01-3 3.6M6.4 7.6A15.6 15.6 0 002.5 12c1 1.8 4.5 6 9.5 6 1.5 0 2.9-.4 4.1-1",
  search: "M11 18a7 7 0 100-14 7 7 0 000 14zM16 16l5 5",
  chat: "M4 5h16v11H9l-5 4z",
  boards: "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z",
  taste: "M3 17c4 0 4-8 9-8s5 5 9 5M3 12c4 0 5-6 9-6s6 3 9 3",
  feed: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4v6M9 14v6",
  send: "M4 12l16-8-5 16-3-7z",
  stop: "M7 7h10v10H7z",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9h.01",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 16a3 3 0 100-6 3 3 0 000 6z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  retry: "M20 12a8 8 0 11-2.5-5.8M20 3v5h-5",
  up: "M12 19V6M6 11l6-6 6 6",
  down: "M12 5v13M6 13l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  mic: "M12 15a3 3 0 003-3V6a3 3 0 00-6 0v6a3 3 0 003 3zM5 12a7 7 0 0014 0M12 19v3",
  speaker: "M4 9v6h4l5 4V5L8 9zM16 9a4 4 0 010 6",
  link: "M10 14a4 4 0 006 0l3-3a4 4 0 00-6-6l-1 1M14 10a4 4 0 00-6 0l-3 3a4 4 0 006 6l1-1",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  glass: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
};

export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
