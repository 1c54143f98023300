// The page is there: what its address or this tab asks for is opened.
const tellStatus = ({ state: how, status, times, first, about }) => {
  if (!status) return;
  $("#status").textContent = status;
  $("#status").dataset.state = how;
  for (const [where, said] of [[".time", times], [".first-time", first]]) {
    const chosen = said?.[$("#preset").value] ?? Object.values(said ?? {})[0];
    if (chosen) for (const one of $$(where)) one.textContent = chosen;
  }
  for (const [name, label] of facts.presets)
    for (const option of $$(`option[value="${CSS.escape(name)}"]`))
      if (option.closest("#preset, #improve-preset")) option.textContent = times?.[name] ? `${label}, ${times[name]}` : label;
  if (about) $("#about").textContent = about;
};
const untilReady = async () => {
  for (;;) {
    await pause(1000);
    const told = await call("status").catch(() => null);
    if (told) tellStatus(told);
    if (told && told.state !== "loading") return;
  }
};
// Who waits, and how long it takes, while somebody chooses a photo.
const keepStatus = async () => {
  for (;;) {
    await pause(15000);
    if (!document.hidden && ["welcome", "photo"].includes(app.dataset.mode) && $("#status").dataset.state === "ready")
      await call("status").then(tellStatus, () => {});
  }
};
const LOST = "That face is no longer on the server; open its session file if you saved one.";
const goOn = (saved) =>
  attempt(async () => {
    Object.assign(state, { desk: saved.desk });
    await resume(await call("hello"), saved);
  });
// What a tab had before it was reloaded: the server has the face, the browser the history.
const resume = async (told, saved) => {
  const mine = { name: saved?.name ?? "", example: saved?.example ?? "", view: saved?.view ?? told.view ?? "face" };
  if (told.lost && saved?.example) {
    told.opened = (await call("open_example", { name: saved.example })).opened;
  }
  if (told.lost && !told.opened) {
    state.desk = "";
    kept(sessionStorage, "pti-tab", null);
    return toast(LOST, { bad: true });
  }
  if (!told.opened && told.photograph) {
    Object.assign(state, { name: mine.name, revision: told.revision, framed: saved?.framed ?? "" });
    showPhotograph(told.photograph);
    if (told.job) await learnOn();
    return;
  }
  if (!told.opened) return;
  const steps = saved?.steps ?? [], step = steps[saved?.at];
  const known = step && (step.stack === 0 || saved.desk === told.opened.desk);
  if (known) Object.assign(state, { steps, at: saved.at });
  await open(told, { ...mine, keeping: Boolean(known) });
  if (known) await goTo(saved.at);
  if (told.job) improved(await watchLearning(true, told.revision));
};
const start = async () => {
  layOutSliders();
  layOutPanels();
  paintTab();
  paintFrom();
  show("welcome");
  $("#link-days").textContent = facts.link_days;
  state.owner = kept(localStorage, "pti-caller") ?? "";
  const saved = kept(sessionStorage, "pti-tab"), latest = kept(localStorage, "pti-latest");
  const share = new URLSearchParams(location.search).get("s") ?? "";
  on("#preset", "change", () => call("status").then(tellStatus, () => {}));
  document.documentElement.classList.add("pti-ready");
  document.querySelector("#pti-boot")?.remove();
  state.share = share;
  const own = saved && (saved.share ?? "") === share ? saved : null;
  if (own) state.desk = own.desk;
  try {
    const told = await call("hello", own ? { copied: share } : { share });
    if (told.link_gone && told.opened && !own.example) toast("The link that this page was opened with is gone; this is your own copy, which only this tab has.", { stays: true });
    state.owner = told.owner;
    kept(localStorage, "pti-caller", told.owner);
    tellStatus(told);
    if (told.state === "loading") untilReady();
    await attempt(() => resume(told, own));
    if (share && !own && state.opened) toast("This face was shared with you. What you change is your own copy.");
  } catch (error) {
    toast(error.message, { bad: true });
    untilReady();
  }
  if (app.dataset.mode === "welcome") state.desk = "";
  keepStatus();
  $("#go-on").hidden = Boolean(own || share || !latest?.steps?.length);
  on("#go-on", "click", () => (state.opened ? show("editing") : goOn(latest)));
};
start();
