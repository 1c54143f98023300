// The sliders of one tab at a time, their search, and the list of the edits that are made.
const tabsOf = (list) => [...new Set(list.map((control) => control.tab))];
let tabNames = tabsOf(allControls);
let tab = "looks", current = ""; // the slider that a phone shows

const sliderRow = (control) => {
  const { name, label, low, high, unit, scale } = control;
  const range = made("input", { type: "range", id: `in-${name}`, "aria-label": label, value: 0, min: -1, max: 1, step: 0.01 });
  const number = made("input", {
    type: "number", class: "amount", "aria-label": `${label}, exact amount`, value: 0, step: "any", inputmode: "decimal",
  });
  const back = button("↺", { class: "put-back", "aria-label": `Reset ${label}`, title: `Reset ${label}`, disabled: true });
  const track = made("div", { class: "track" }, range);
  const row = made("div", { class: "slider", id: `slider-${name}`, "data-name": name, "data-tab": control.tab },
    made("label", { for: `in-${name}` }, label), number,
    made("span", { class: "unit" }, unit), back, track,
    made("div", { class: "ends", "aria-hidden": "true" }, made("span", {}, low || "Off"), made("span", {}, high)));
  const label_ = () => `${label} ${shownAmount(name)}`;

  const move = (amount) => {
    const before = state.edits[name] ?? 0;
    if (setAmount(name, amount) === before) return;
    paintSlider(name);
    paintChips();
    follow();
  };
  const settle = () => commit(label_());
  // Keys move the range itself.
  on(range, "input", () => move(Number(range.value)));
  let resting;
  on(range, "change", () => {
    clearTimeout(resting);
    resting = setTimeout(settle, 350);
  });
  on(number, "change", () => {
    const typed = number.value.trim() === "" ? NaN : Number(number.value) / scale;
    if (Number.isNaN(typed)) {
      paintSlider(name, true);
      return toast("Type a number, such as 5 or -5.");
    }
    const own = setAmount(name, typed), [, , step] = boundsOf(name);
    if (Math.abs(own - typed) > step) toast(endOf(name, own));
    paintSlider(name, true);
    settle();
    applied(number);
  });
  on(number, "focus dblclick", () => number.select()); // a sign is no part of a word
  on(back, "click", () => {
    setAmount(name, 0);
    paintSlider(name);
    settle();
    range.focus({ preventScroll: true });
  });
  // The mouse takes any place of the track; a finger the thumb alone, and only to the side, so that
  // scrolling moves no slider.
  let drag = null;
  const at = (event) => {
    const box = range.getBoundingClientRect(), half = THUMB / 2;
    const share = clamp((event.clientX - box.left - half) / (box.width - THUMB), 0, 1);
    return Number(range.min) + share * (Number(range.max) - Number(range.min));
  };
  const thumbAt = () => {
    const box = range.getBoundingClientRect();
    const share = (Number(range.value) - Number(range.min)) / (Number(range.max) - Number(range.min) || 1);
    return box.left + THUMB / 2 + share * (box.width - THUMB);
  };
  on(track, "pointerdown", (event) => {
    if (event.button || drag) return;
    const mouse = event.pointerType === "mouse";
    if (!mouse && Math.abs(event.clientX - thumbAt()) > 30) return;
    drag = { x: event.clientX, off: mouse ? 0 : event.clientX - thumbAt(), on: mouse, id: event.pointerId };
    if (!mouse) return;
    event.preventDefault();
    track.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true });
    if (Math.abs(event.clientX - thumbAt()) < THUMB / 2 + 2) drag.off = event.clientX - thumbAt();
    else move(at(event));
  });
  on(track, "pointermove", (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    if (!drag.on) {
      if (Math.abs(event.clientX - drag.x) < 6) return;
      drag.on = true;
      track.setPointerCapture(event.pointerId);
    }
    move(at({ clientX: event.clientX - drag.off }));
  });
  const end = (event) => {
    if (!drag || event.pointerId !== drag.id) return;
    const moved = drag.on;
    drag = null;
    if (moved) settle();
  };
  on(track, "pointerup pointercancel", end);
  return row;
};
const THUMB = 22; // pixels, as in style.css

const paintSlider = (name, anew = false) => {
  const row = $(`#slider-${CSS.escape(name)}`), control = controls.get(name);
  if (!row) return;
  const amount = state.edits[name] ?? 0, [low, high, step] = boundsOf(name);
  const range = $("input[type=range]", row), number = $(".amount", row);
  Object.assign(range, { min: Math.min(low, amount), max: Math.max(high, amount), step });
  range.value = amount;
  const [from, to] = [Number(range.min), Number(range.max)];
  const place = (value) => (to > from ? (value - from) / (to - from) : 0);
  const zero = place(clamp(0, from, to)), now = place(Number(range.value));
  row.style.setProperty("--zero", zero);
  row.style.setProperty("--from", Math.min(zero, now));
  row.style.setProperty("--to", Math.max(zero, now));
  row.classList.toggle("one-sided", from === 0);
  $(".ends span", row).textContent = from < 0 && !control.low ? "Less" : control.low || "Off";
  row.classList.toggle("moved", Boolean(amount));
  range.setAttribute("aria-valuetext", shownAmount(name));
  if (anew || document.activeElement !== number) number.value = Number((amount * control.scale).toPrecision(4));
  Object.assign(number, { min: from * control.scale, max: to * control.scale });
  $(".put-back", row).disabled = !amount;
};
const chip = (label, amount, go, remove) =>
  made("span", { class: "chip" }, made("button", { type: "button", onclick: go, title: "Go to the slider" }, `${label} `, made("b", {}, amount)),
    made("button", { type: "button", class: "x", "aria-label": `Remove ${label}`, title: `Remove ${label}`, onclick: remove }, "×"));
const paintChips = () => {
  const list = Object.keys(state.edits).map((name) => {
    const found = chip(controls.get(name).label, shownAmount(name), () => showSlider(name), () => {
      setAmount(name, 0);
      commit(`${controls.get(name).label} removed`);
    });
    found.dataset.name = name;
    return found;
  });
  const words = state.entries.map((entry, index) =>
    chip(entry.label, `${Number(entry.amount.toFixed(2))}×`, () => showTab("text"), () => setEntry(index, null)));
  const dye = state.hair ? [chip("Hair colour", SWATCHES.find(([, value]) => value === state.hair.colour)?.[0] ?? state.hair.colour, () => showTab("Hair"), () => setHair(null))] : [];
  const all = [...list, ...dye, ...words];
  $("#chips").replaceChildren(...(all.length ? all : [made("p", { class: "hint" }, `No edits yet: ${state.opened?.looks?.length ? "press a look, or " : ""}move a slider.`)]));
  paintPicks();
};
const paintEdits = () => {
  for (const name of controls.keys()) paintSlider(name);
  paintChips();
  paintHistory();
  paintLooks();
  paintEntries();
  paintHair();
  $("#undo").disabled = state.at <= 0;
  $("#redo").disabled = state.at + 1 >= state.steps.length;
  $("#reset").disabled = isPlain();
  $("#keep-background").checked = state.keepBackground;
};

// ----------------------------------------------------------------------------------------- tabs
const tabButton = (id, label) =>
  made("button", {
    type: "button", role: "tab", id: `tab-b-${id}`, "data-tab": id, tabindex: -1, "aria-selected": "false",
    "aria-controls": id === "looks" || id === "text" ? `tab-${id}` : "tab-sliders",
    onclick: () => showTab(id),
  }, label);
const searched = () => $("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
const found = () => {
  const words = searched();
  return words.length
    ? allControls.filter(({ label, words: more, tab: of }) =>
        words.every((word) => `${label} ${more} ${of}`.toLowerCase().includes(word)))
    : null;
};
const showTab = (id) => {
  tab = id;
  $("#search").value = "";
  paintTab();
};
const paintTab = () => {
  const matches = found(), dye = dyeIsMeant(), sliders = matches || !["looks", "text"].includes(tab);
  for (const one of $$("#tabs [role=tab]")) {
    const chosen = !matches && one.dataset.tab === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen || (matches && one === $("#tabs [role=tab]")) ? 0 : -1;
    if (chosen) {
      const bar = $("#tabs");
      bar.scrollTo({ left: one.offsetLeft - (bar.clientWidth - one.clientWidth) / 2 });
    }
  }
  $("#tab-looks").hidden = sliders || tab !== "looks";
  $("#tab-text").hidden = sliders || tab !== "text";
  $("#tab-sliders").hidden = !sliders;
  $("#tab-sliders").setAttribute("aria-label", matches ? "Found edits" : tab);
  const shown = matches ?? allControls.filter((control) => control.tab === tab);
  const names = new Set(shown.map((control) => control.name));
  for (const row of $$(".slider")) row.hidden = !names.has(row.dataset.name);
  if (!names.has(current)) current = shown[0]?.name ?? "";
  $("#no-match").hidden = !matches || matches.length > 0 || dye;
  $("#hair-colour").hidden = !state.opened?.composited || (matches ? !dye : tab !== "Hair");
  for (const one of $$("#bottom button"))
    one.setAttribute("aria-current", String(one.dataset.part === (["looks", "text"].includes(tab) && !matches ? tab : "edit")));
  paintPicks();
  if (!sliders && tab === "looks") drawLooks();
};
// On a phone: which of the tab's sliders is shown.
const paintPicks = () => {
  const shown = $$(".slider").filter((row) => !row.hidden);
  for (const row of $$(".slider")) row.classList.toggle("current", row.dataset.name === current);
  const old = $("#picks"), left = old.scrollLeft;
  old.replaceChildren(
    ...shown.map(({ dataset: { name } }) =>
      made("button", { type: "button", "aria-pressed": String(name === current), onclick: () => ((current = name), paintPicks()) },
        controls.get(name).label, state.edits[name] ? made("b", {}, ` ${shownAmount(name)}`) : null)));
  old.scrollLeft = left;
};
const showSlider = (name) => {
  showTab(controls.get(name).tab);
  current = name;
  paintPicks();
  const row = $(`#slider-${CSS.escape(name)}`);
  row.scrollIntoView({ block: "nearest" });
  $("input[type=range]", row).focus({ preventScroll: true });
};
const layOutControls = () => {
  $("#tabs").replaceChildren(tabButton("looks", "Looks"), ...tabNames.map((name) => tabButton(name, name)), tabButton("text", "Text"));
  $("#sliders").replaceChildren(...allControls.map(sliderRow));
  $("#across").replaceChildren(...allControls.map(({ name, label }) => made("option", { value: name }, label)));
};
// The sliders of a session: those of its generator, and its own.
const setControls = (list) => {
  if (!list || JSON.stringify(list) === JSON.stringify(allControls)) return;
  allControls = list;
  controls.clear();
  for (const control of list) controls.set(control.name, control);
  tabNames = tabsOf(list);
  if (!["looks", "text", ...tabNames].includes(tab)) tab = "looks";
  layOutControls();
};
const layOutSliders = () => {
  layOutControls();
  on("#tabs", "keydown", (event) => {
    const all = $$("#tabs [role=tab]"), at = all.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    next.click();
    next.focus();
  });
  on("#search", "input", paintTab);
  on($$("#bottom button"), "click", (event) => {
    const { part } = event.target.dataset;
    if (part === "save") return $("#save").click();
    showTab(part === "edit" ? (["looks", "text"].includes(tab) ? tabNames[0] : tab) : part);
  });
};
