// Pictures that a shopper gives, by file, paste, drag or camera: made small here before they are sent.
import { t } from "../texts/index.js";
import { changeDraft } from "./chat.js";
import { showToast } from "./toast.js";

const MOST_PX = 1024;

export async function shrink(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MOST_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // under transparent pictures, which would be black in JPEG
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// Hands a picture on as a `data:` address. Anything else is said.
export async function acceptPicture(file, use = (picture) => changeDraft({ picture })) {
  if (!file) return;
  try {
    use((await shrink(file)).toDataURL("image/jpeg", 0.85));
  } catch {
    showToast(t("chat.noPicture"));
  }
}

const pictureIn = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith("image/"));

export function acceptPaste(event) {
  const file = pictureIn(event.clipboardData);
  if (!file) return;
  event.preventDefault();
  acceptPicture(file);
}

export function acceptDrop(event) {
  const file = pictureIn(event.dataTransfer);
  if (!file) return;
  event.preventDefault();
  acceptPicture(file);
}
