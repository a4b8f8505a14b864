// The interface's words in five languages, numbers and prices by locale. A catalogue's own texts stay as they are.
import { createStore, remembered } from "../state/store.js";
import en from "./en.js";

export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español", fr: "Français", it: "Italiano" };

function preferred() {
  const chosen = remembered.read("language");
  const offered = [chosen, ...navigator.languages.map((each) => each.slice(0, 2))];
  return offered.find((each) => each in LANGUAGES) ?? "en";
}

export const language = createStore("en");
let texts = en;

export async function setLanguage(code) {
  texts = code === "en" ? en : (await import(`./${code}.js`)).default;
  document.documentElement.lang = code;
  language.set(code);
}

export async function startLanguage() {
  await setLanguage(preferred()).catch(() => {});
}

export function chooseLanguage(code) {
  remembered.write("language", code);
  return setLanguage(code);
}

// A text by its name; `{name}` stands for a value. Of a pair, the first is for one, the second for any other count.
export function t(name, values = {}) {
  let text = texts[name] ?? en[name] ?? name;
  if (Array.isArray(text)) text = text[values.count === 1 ? 0 : 1];
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

// The locale of numbers: the browser's own where it is of the same language ("de-AT"), for its usual signs.
const locale = () => navigator.languages.find((each) => each.startsWith(language.get())) ?? language.get();

export function price(amount, currency) {
  if (amount === null || amount === undefined) return "";
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency }).format(amount);
  } catch {
    return `${number(amount, 2)} ${currency ?? ""}`.trim(); // no currency, or none that ISO knows
  }
}

export const number = (value, digits = 0) =>
  new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (share) => new Intl.NumberFormat(locale(), { style: "percent" }).format(share);
export const day = (time) => new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(new Date(time));
export const titleOf = (item) => item.title || item.item_id;
