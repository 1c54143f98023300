// Learning a face and improving its likeness: progress, time left, Stop.
const leftText = (seconds) => {
  if (seconds < 4) return "Almost done";
  if (seconds < 50) return `About ${Math.max(Math.round(seconds / 5) * 5, 5)} s left`;
  if (seconds < 90) return "About a minute left";
  return seconds < 5400 ? `About ${Math.round(seconds / 60)} min left` : `About ${Math.round(seconds / 3600)} h left`;
};
const draftText = (seconds) => (seconds < 4 ? "Almost done" : `${leftText(seconds).replace(" left", "")} until you can edit`);
// Until it is over, or until a first draft can be edited. `aside` works in the background, while one
// edits, and takes up further drafts. `revision`: of the session that the page shows.
const watchLearning = async (aside, revision) => {
  let seen = 0, left = Infinity, last = Date.now(), misses = 0;
  const desk = state.desk, where = aside ? $("#still") : $("#work");
  for (;;) {
    let now;
    try {
      now = await call("progress", { desk, revision, pictures: seen });
      misses = 0;
    } catch (error) {
      if (!error.offline || ++misses > 600) {
        where.hidden = true;
        throw error;
      }
      await pause(1000);
      continue;
    }
    if (["done", "failed", "left", "none"].includes(now.state)) {
      where.hidden = true;
      return now;
    }
    const passed = (Date.now() - last) / 1000;
    last = Date.now();
    // It does not grow: a later guess that is longer lets the time stand still.
    const rest = aside ? now.left : now.draft_in;
    if (rest != null && (now.done > 0.03 || now.state === "waiting")) left = Math.min(rest, Math.max(left - 0.7 * passed, 0));
    if (now.opened) {
      revision = now.revision;
      if (!aside) {
        where.hidden = true;
        return { ...now, state: "usable" };
      }
      await takeDraft(now.opened.desk);
    }
    where.hidden = state.desk !== desk;
    if (aside) {
      $("#still-said").textContent = [now.state === "waiting" ? now.said : "Likeness still improves", Number.isFinite(left) ? leftText(left).toLowerCase() : ""].filter(Boolean).join(", ");
    } else {
      const percent = Math.round(100 * now.draft_done);
      const said = $("#stop").disabled ? "Stopping; what is learned so far is kept" : now.said;
      if ($("#work-said").textContent !== said) $("#work-said").textContent = said; // it is announced
      if (!$("#stop").disabled) $("#stop").textContent = now.state === "waiting" ? "Leave the queue" : "Stop and keep what is learned";
      $("#work-bar").setAttribute("aria-valuenow", String(percent));
      $("#work-bar").setAttribute("aria-valuetext", `${said}, ${percent} %`);
      $("#work-bar div").style.width = `${percent}%`;
      $("#work-left").textContent = [Number.isFinite(left) ? (left < 4 && now.draft_in > 8 ? "Taking longer than usual" : draftText(left)) : "", now.note].filter(Boolean).join(". ");
      $$("#work-stages li").forEach((item, index) => item.classList.toggle("now", index + 1 <= now.stage));
      if (now.picture) {
        seen = now.pictures;
        if (now.stage > 1) put(fileUrl(now.picture)); // before, it shows somebody else
      }
    }
    await pause(400);
  }
};
// The server tells it anew: its files of then may be gone.
const backToPhotograph = async () => {
  const told = await call("chosen").catch(() => null);
  if (told) return showPhotograph(told);
  show("photo");
  $("#learn").disabled = false;
};
const learnOn = async () => {
  if ($("#crop").src) put($("#crop").src);
  show("learning");
  $("#stop").disabled = false;
  try {
    const now = await watchLearning(false, state.revision);
    if (now.state === "done") return await open(now, { name: state.name });
    if (now.state === "usable") {
      await open(now, { name: state.name });
      return attempt(async () => improved(await watchLearning(true, now.revision)));
    }
    const photographStays = now.state === "failed" ? now.why : "It was stopped before it began; the photo is still here.";
    await backToPhotograph();
    note(photographStays);
  } catch (error) {
    await backToPhotograph();
    throw error;
  }
};
on("#learn", "click", () =>
  attempt(async () => {
    supersede();
    $("#learn").disabled = true;
    try {
      const begun = await call("learn", { preset: $("#preset").value, generator: $("#generator").value, seed: Number($("#seed").value) || 0 });
      state.revision = begun.revision;
    } catch (error) {
      $("#learn").disabled = false;
      note(error.message);
      return;
    }
    remember();
    await learnOn();
  }));
on("#stop", "click", () =>
  attempt(async () => {
    $("#stop").disabled = true;
    await call("stop");
  }));
on("#improve", "click", () =>
  attempt(async () => {
    const begun = await call("improve", { preset: $("#improve-preset").value, edits: state.edits });
    $("#improve").disabled = true;
    try {
      await improved(await watchLearning(true, begun.revision));
    } finally {
      $("#improve").disabled = false;
    }
  }));
on("#still-stop", "click", () => attempt(() => call("stop")));
// A slider that is being moved keeps its picture until it is let go.
const untilStill = async () => {
  while (moving) await pause(200);
};
// Better weights of the same session: what is shown is drawn anew with them.
const takeDraft = async (desk) => {
  await untilStill();
  if (state.desk !== desk || app.dataset.mode !== "editing") return;
  learned++;
  await render();
};
const improved = async (now) => {
  if (now.state === "failed") throw new Error(now.why);
  await untilStill();
  if (now.state !== "done" || app.dataset.mode !== "editing" || now.opened.desk !== state.desk) return;
  take(now, true);
  looksOf = "";
  const ends = fitSteps(), step = state.steps[state.at];
  state.edits = { ...step.edits };
  if (step.stack !== state.stack) {
    const told = await call("put_back", { stack: step.stack });
    Object.assign(state, { stack: told.stack, entries: told.entries });
  }
  pictures.clear();
  paintEdits();
  paintTab();
  await render();
  toast(`Learning is finished; the likeness is at its best.${ends}`, { stays: Boolean(ends) });
};
