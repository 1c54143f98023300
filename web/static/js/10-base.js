// Helpers that all other files use. The files of this folder are one function scope, in order of
// their names; Gradio runs it when the page's component is there, with `element`, `props`, `server`,
// `trigger` and `upload`.
const facts = props.facts;
const $ = (selector, from = element) => from.querySelector(selector);
const $$ = (selector, from = element) => [...from.querySelectorAll(selector)];
const app = $("#pti");
const on = (target, names, handler, options) => {
  for (const one of [].concat(target))
    for (const name of names.split(" "))
      (typeof one === "string" ? $(one) : one).addEventListener(name, handler, options);
};
const made = (tag, attributes = {}, ...inside) => {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name === "onclick") found.addEventListener("click", value);
    else if (value === true) found.setAttribute(name, "");
    else if (value !== false && value != null) found.setAttribute(name, value);
  found.append(...inside.filter((one) => one != null));
  return found;
};
const button = (text, attributes = {}) =>
  made("button", { type: "button", class: "tool", ...attributes }, text);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const base = location.pathname.replace(/[/]$/, "");
const fileUrl = (path) => `${base}/gradio_api/file=${path}`;

const toast = (text, { bad = false, action, label, stays = false } = {}) => {
  const close = () => note.remove();
  const note = made("div", { class: bad ? "toast bad" : "toast" }, made("span", {}, text));
  if (action) note.append(button(label, { onclick: () => (close(), action()) }));
  note.append(button("×", { class: "close", "aria-label": "Close the message", onclick: close }));
  $("#toasts").append(note);
  if (!stays) setTimeout(close, bad ? 12000 : 5000);
  return close;
};

const UNREACHABLE = "The server cannot be reached now. Your edits are kept in this browser.";
// One action of the server. It throws an Error whose message can be shown as it is.
const call = async (what, given = {}) => {
  const told = { do: what, desk: state.desk, owner: state.owner, ...given };
  let answer;
  try {
    answer = await server.call(told);
    if (!answer || typeof answer !== "object") throw new Error("no answer");
  } catch {
    throw Object.assign(new Error(UNREACHABLE), { offline: true });
  }
  if (answer.error) throw Object.assign(new Error(answer.error), { gone: answer.gone, noFace: answer.no_face });
  return answer;
};
// For handlers: what goes wrong is said.
const attempt = async (work) => {
  try {
    return await work();
  } catch (error) {
    if (error.gone && (await reopen())) return await attempt(work);
    toast(error.message, { bad: true });
  }
};
const kept = (where, key, value) => {
  try {
    if (value === undefined) return JSON.parse(where.getItem(key) ?? "null");
    if (value === null) where.removeItem(key);
    else where.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or switched off: the page works without it.
  }
  return null;
};
const fetched = async (url) => {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error("The picture could not be loaded; please try again.");
  return URL.createObjectURL(await answer.blob());
};
// A question with buttons; resolves to the value of the pressed one, "" for Escape.
const ask = (title, text, choices) =>
  new Promise((done) => {
    const dialog = $("#ask-dialog");
    $("#ask-title").textContent = title;
    $("#ask-text").textContent = text;
    $("#ask-buttons").replaceChildren(
      ...choices.map(([value, label, kind = ""]) =>
        made("button", { value, class: `tool ${kind}` }, label)),
    );
    dialog.returnValue = "";
    dialog.addEventListener("close", () => done(dialog.returnValue), { once: true });
    dialog.showModal();
  });
const typing = (event) =>
  event.target.closest?.("input:not([type=range]):not([type=radio]):not([type=checkbox]), textarea, select");
// What was typed and applied is an edit: Ctrl+Z there undoes that, until one types again.
const applied = (field) => (field.dataset.applied = field.value);
const typingAnew = (event) => typing(event) && event.target.dataset.applied !== event.target.value;
