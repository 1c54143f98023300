// Looks, chance, words, likeness, animation, and what is under Advanced.
const LOOK_SIDE = 112;
// Until a thumbnail is there: without a source browsers draw a frame.
const CLEAR = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
let looksOf = "";
// Thumbnails of this face, one after the other while nothing else is asked for.
const drawLooks = async () => {
  const where = $("#looks"), looks = state.opened?.looks ?? [];
  // A colour of hair is on them, too; a new one has them drawn anew.
  const mine = `${state.desk} ${state.person} ${JSON.stringify(state.hair)}`;
  if (looksOf === mine) return;
  looksOf = mine;
  where.replaceChildren(...looks.map((look) =>
    made("button", { type: "button", class: "look", "aria-pressed": String(hasLook(look)), onclick: () => applyLook(look) },
      made("img", { src: CLEAR, alt: "", width: LOOK_SIDE, height: LOOK_SIDE }), made("span", {}, look.name))));
  const images = $$("#looks img");
  const idle = () => looksOf === mine && !moving && !stage.classList.contains("drawing");
  const draw = async (quick) => {
    for (const [index, look] of looks.entries()) {
      if (images[index].dataset.whole) continue;
      for (let tries = 0; tries < 200 && looksOf === mine; tries++) {
        if (!idle() || $("#tab-looks").hidden) {
          await pause(400);
          continue;
        }
        // A preview is the picture on the screen and what changes, so it would show its edits, too.
        if (quick && !isPlain()) break;
        try {
          const { picture, whole } = await call("look", { edits: look.edits, quick });
          if (looksOf !== mine) return;
          if (!picture) {
            await pause(800);
            continue;
          }
          images[index].src = fileUrl(picture);
          if (whole) images[index].dataset.whole = "1";
          break;
        } catch {
          await pause(500);
        }
      }
    }
  };
  await pause(1500); // what previews need is prepared after the first picture
  await draw(true);
  // While a face is learned, that has the processor; then all are drawn anew with what was learned.
  while (!$("#still").hidden && looksOf === mine) await pause(1000);
  await draw(false);
};
// Looks add up; one that is pressed again goes.
const HAIR_COLOURS = ["hair_blond", "hair_dark", "hair_red", "hair_grey"];
const hasLook = ({ edits }) => Object.entries(edits).every(([name, amount]) => state.edits[name] === amount);
const applyLook = (look) => {
  if (hasLook(look)) {
    const rest = Object.entries(state.edits).filter(([name]) => !(name in look.edits));
    return setEdits(Object.fromEntries(rest), `${look.name} removed`);
  }
  if (HAIR_COLOURS.some((name) => look.edits[name] > 0)) state.hair = null;
  return setEdits({ ...state.edits, ...look.edits }, look.name);
};
const paintLooks = () => {
  if (tab === "looks" && state.opened) drawLooks(); // another colour of hair
  const looks = state.opened?.looks ?? [];
  for (const [index, one] of $$("#looks .look").entries()) one.setAttribute("aria-pressed", String(Boolean(looks[index]) && hasLook(looks[index])));
};
let seed = Math.floor(Math.random() * 1e6);
on("#surprise", "click", () =>
  attempt(async () => {
    const { edits } = await call("surprise", { seed: ++seed });
    state.hair = null;
    await setEdits(edits, "Surprise me");
  }));

// -------------------------------------------------------------------------------------- likeness
const tellLikeness = async () => {
  const key = stage.dataset.shown, where = $("#likeness");
  if (!Object.keys(state.edits).length && !state.entries.length) return where.replaceChildren();
  await pause(400);
  if (key !== stage.dataset.shown || moving) return;
  const told = await call("likeness", { edits: state.edits }).catch(() => null);
  if (key !== stage.dataset.shown) return;
  if (!told?.said) return where.replaceChildren();
  // A draft's likeness is no fault of the edits.
  if (!$("#still").hidden && told.state !== "same") return where.replaceChildren(made("span", {}, "Likeness still improves"));
  const meter = made("span", { class: `meter ${told.state}`, title: told.about, "aria-hidden": "true" }, made("i", { style: `width:${100 * told.share}%` }));
  where.replaceChildren(meter, made("span", {}, told.said));
};
// What of the edits this photograph does not take, beside their names; these are drawn anew with each.
const tellNotes = async () => {
  const key = stage.dataset.shown;
  const told = isPlain() ? null : await call("notes", { edits: state.edits }).catch(() => null);
  if (key !== stage.dataset.shown || moving) return;
  $("#noted")?.remove();
  if (!told?.note) return;
  $("#chips").append(made("p", { class: "hint", id: "noted", role: "status" }, told.note));
  $("#chips").scrollLeft = $("#chips").scrollWidth;
};

// ----------------------------------------------------------------------------------------- words
let hearing = 0;
const hear = async () => {
  const prompt = $("#prompt").value, mine = ++hearing;
  await pause(300);
  if (mine !== hearing) return;
  if (!prompt.trim()) return ($("#heard").textContent = "");
  const told = await call("read", { prompt }).catch((error) => ({ left: error.message }));
  if (mine !== hearing) return;
  const slow = told.seconds > 5 ? ` Takes ${told.seconds < 90 ? "about a minute" : `about ${Math.round(told.seconds / 60)} min`}.` : "";
  const lacking = told.lacking && `“${told.lacking}” needs a file that is not on this server yet; Apply tries to get it.`;
  $("#heard").textContent = [told.said && `This will do: ${told.said}.${slow}`, lacking, told.note, told.left].filter(Boolean).join(" ");
};
let saying = false;
const say = (prompt) =>
  attempt(async () => {
    if (saying || !prompt.trim()) return;
    saying = true;
    hearing++; // an answer to what would be done comes too late, and would take the place of "Done."
    $("#do-it").disabled = true;
    try {
      const { task } = await call("say", { prompt, edits: state.edits });
      const told = await watchTask(task, "#text-work", (now) => now.picture && put(fileUrl(now.picture)));
      Object.assign(state, { stack: told.stack, entries: told.entries, hair: told.hair });
      await setEdits(told.edits, `“${prompt}”`);
      applied($("#prompt"));
      $("#heard").textContent = told.left ? `Done, but for this: ${told.left}` : "Done.";
    } catch (error) {
      $("#heard").textContent = error.message;
      if (error.gone || error.offline) throw error;
      render();
    } finally {
      saying = false;
      $("#do-it").disabled = false;
    }
  });
let textTask = "";
const watchTask = async (task, where, each) => {
  const box = $(where), started = Date.now();
  textTask = task;
  try {
    for (;;) {
      const now = await call("task", { task });
      if (now.result) return now.result;
      if (Date.now() - started > 800) box.hidden = false;
      $(".bar div", box).style.width = `${Math.round(100 * now.done)}%`;
      $(".bar", box).setAttribute("aria-valuenow", String(Math.round(100 * now.done)));
      const said = $("p", box);
      if (said) said.textContent = now.said;
      each?.(now);
      await pause(250);
    }
  } finally {
    box.hidden = true;
  }
};
on("#stop-text", "click", () => attempt(() => call("stop_task", { task: textTask })));
on("#say", "submit", (event) => {
  event.preventDefault();
  say($("#prompt").value);
});
on("#prompt", "input", hear);
on("#in-words", "click", () =>
  attempt(async () => {
    const { words } = await call("words", { edits: state.edits, hair: state.hair });
    $("#prompt").value = words;
    $("#heard").textContent = words ? "These words give the same edits to the original face." : "Nothing is edited.";
  })
);
const setEntry = (index, amount) =>
  attempt(async () => {
    const label = state.entries[index].label;
    const told = await call("entry", { index, amount });
    Object.assign(state, { stack: told.stack, entries: told.entries });
    await commit(amount === null ? `${label} removed` : `${label} ${amount}×`);
  });
const paintEntries = () => {
  if (state.opened) paintOff();
  $("#entries").replaceChildren(...state.entries.map((entry, index) => {
    const amount = made("input", { type: "number", min: -3, max: 3, step: 0.1, value: Number(entry.amount.toFixed(2)), class: "amount", "aria-label": `${entry.label}, strength` });
    on(amount, "change", () => setEntry(index, clamp(Number(amount.value) || 0, -3, 3)));
    return made("div", { class: "row" }, made("span", { class: "grow" }, entry.label), amount,
      button("×", { "aria-label": `Remove ${entry.label}`, onclick: () => setEntry(index, null) }));
  }));
};

// ------------------------------------------------------------------------------------- animation
let from = {};
const paintFrom = () => {
  const list = Object.keys(from).map((name) => `${controls.get(name).label} ${shownAmount(name, from[name])}`);
  $("#animate-from").textContent = `From ${list.join(", ") || "the original face"} to what the picture shows now, and back.`;
};
on("#from-here", "click", () => ((from = { ...state.edits }), paintFrom()));
on("#from-photo", "click", () => ((from = {}), paintFrom()));
on("#make-animation", "click", () =>
  attempt(async () => {
    const { view, name, edits } = state;
    const format = $("#animate-format").value;
    $("#make-animation").disabled = true;
    try {
      const { task } = await call("animate", {
        start: from, edits, view, name, format, frames: clamp(Number($("#animate-frames").value) || 16, 6, 40),
        in_turn: $("#animate-turn").checked, mark: $("#mark").checked,
      });
      const told = await watchTask(task, "#animate-work");
      const url = await fetched(fileUrl(told.file));
      const shown = format === "mp4"
        ? made("video", { src: url, autoplay: true, loop: true, controls: true, playsinline: true })
        : made("img", { src: url, alt: "The animation" });
      if (format === "mp4") shown.muted = true;
      $("#animation").replaceChildren(shown, made("a", { href: url, download: told.name, class: "tool main" }, "Download the animation"));
    } finally {
      $("#make-animation").disabled = false;
    }
  }));

// -------------------------------------------------------------------------------------- advanced
on("#keep-background", "change", (event) => {
  state.keepBackground = event.target.checked;
  commit(event.target.checked ? "Photo’s background kept" : "Background may change");
});
on("#draw-across", "click", () =>
  attempt(async () => {
    const name = $("#across").value, control = controls.get(name);
    $("#draw-across").disabled = true;
    try {
      const { pictures: found } = await call("across", { name, edits: state.edits });
      $("#strip").replaceChildren(...found.map(({ amount, said, picture }) =>
        made("button", { type: "button", onclick: () => (setAmount(name, amount), commit(`${control.label} ${said}`)) },
          made("img", { src: fileUrl(picture), alt: "", width: 96, height: 96 }), made("span", {}, `${control.label} ${said}`))));
    } finally {
      $("#draw-across").disabled = false;
    }
  }));
on("#doctor", "toggle", () =>
  attempt(async () => {
    while ($("#doctor").open) {
      const { text, again: more } = await call("doctor");
      $("#doctor-text").textContent = text;
      if (!more) break;
      await pause(1000);
    }
  }));
const layOutPanels = () => {
  $("#sentences").append(...facts.sentences.map((text) => button(text, { class: "pill", onclick: () => {
    $("#prompt").value = text;
    say(text);
  } })));
  const option = ([value, label]) => made("option", { value }, label);
  $("#preset").append(...facts.presets.map(option));
  $("#improve-preset").append(...facts.presets.map(option));
  $("#preset").value = facts.preset;
  $("#generator").append(...facts.generators.map(option));
  $("#generator").parentElement.hidden = facts.generators.length < 2;
  $("#save-format").append(...facts.formats.map((form) => option([form, { png: "PNG (best quality, large)", jpg: "JPEG (small)", webp: "WebP (smallest)" }[form] ?? form])));
  $("#about").textContent = facts.about;
};

// --------------------------------------------------------------------------------------- history
const keepThumbnail = () => {
  const step = state.steps[state.at];
  if (!step || step.thumb || !after.naturalWidth) return;
  const side = 72, canvas = made("canvas", { width: side, height: side });
  const cut = Math.min(after.naturalWidth, after.naturalHeight);
  canvas.getContext("2d").drawImage(after, (after.naturalWidth - cut) / 2, (after.naturalHeight - cut) / 2, cut, cut, 0, 0, side, side);
  step.thumb = canvas.toDataURL("image/jpeg", 0.7);
  remember();
  paintHistory();
};
const paintHistory = () => {
  $("#history").replaceChildren(...state.steps.map((step, index) =>
    made("button", { type: "button", "aria-current": index === state.at ? "step" : null, title: step.label,
      "aria-label": `Step ${index + 1}: ${step.label}`, onclick: () => goTo(index) },
      step.thumb ? made("img", { src: step.thumb, alt: "", width: 44, height: 44 }) : "…")));
  const here = $("#history [aria-current]"), bar = $("#history");
  if (here) bar.scrollTo({ left: here.offsetLeft - bar.clientWidth + 60 });
};
// A wheel moves the two rows sideways, which have no scroll bars.
for (const row of ["#chips", "#history"])
  on(row, "wheel", (event) => {
    const bar = event.currentTarget, to = clamp(bar.scrollLeft + event.deltaY, 0, bar.scrollWidth - bar.clientWidth);
    if (event.ctrlKey || to === bar.scrollLeft) return;
    event.preventDefault();
    bar.scrollLeft = to;
  }, { passive: false });
on("#undo", "click", undo);
on("#redo", "click", redo);
on("#reset", "click", () =>
  attempt(async () => {
    if (state.entries.length) {
      const told = await call("put_back", { stack: 0 });
      Object.assign(state, { stack: told.stack, entries: told.entries });
    }
    state.hair = null;
    await setEdits({}, "Reset");
  }));
on(document, "keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || typingAnew(event)) return;
  if (app.dataset.mode !== "editing" || event.target.closest?.("dialog")) return;
  const key = event.key.toLowerCase();
  if (key === "z") (event.preventDefault(), event.shiftKey ? redo() : undo());
  else if (key === "y") (event.preventDefault(), redo());
});
