// Speaking and listening, where the browser has them. Some browsers send what is spoken to their maker.
import { language } from "../texts/index.js";

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;
export const canListen = () => Boolean(Recognition);
export const canSpeak = () => "speechSynthesis" in window && speechSynthesis.getVoices().length > 0;

export function speak(text) {
  speechSynthesis.cancel();
  const utterance = new SpeechSynthesisUtterance(text);
  utterance.lang = language.get();
  speechSynthesis.speak(utterance);
}

// Calls `write` with what was understood; returns a function that stops.
export function listen(write, ended) {
  const recognition = new Recognition();
  recognition.lang = language.get();
  recognition.onresult = (event) => write(event.results[0][0].transcript);
  recognition.onend = ended;
  recognition.onerror = ended;
  recognition.start();
  return () => recognition.stop();
}
