// From the first screen to an open face: photographs, camera, examples, session files.
const show = (mode) => {
  app.dataset.mode = mode;
  $("#welcome").hidden = mode !== "welcome";
  $("#editor").hidden = mode === "welcome";
  $("#bottom").hidden = mode !== "editing";
  $("#setup").hidden = mode !== "photo";
  $("#learning").hidden = mode !== "learning";
  $("#controls").hidden = mode !== "editing";
  for (const id of ["#undo", "#redo", "#reset", "#save", "#share", "#new-photo"])
    $(id).hidden = mode !== "editing";
  if (mode !== "photo") ((boxes = null), placeBoxes());
};
const tellShown = () => trigger("shown", { workspace: state.desk });
// The server forgets a closed tab's workspace an hour after it was last told of it: an open tab tells
// it now and then, also one whose connection was lost for a while.
const TELL_EVERY = 10 * 60_000;
setInterval(() => state.desk && tellShown(), TELL_EVERY);

// Looks and words are for faces of FFHQ's W; of other generators the tab of words has what stands in
// StyleSpace, if anything does.
const paintOff = () => {
  const words = controls.has("age"), text = words || state.entries.length > 0, looks = state.opened.looks?.length > 0;
  for (const [name, on_] of [["looks", looks], ["text", text]]) {
    $(`#tabs [data-tab=${name}]`).hidden = !on_;
    $(`#bottom [data-part=${name}]`).hidden = !on_;
  }
  for (const id of ["#say", "#in-words", "#sentences"]) $(id).hidden = !words;
  $("#off").textContent = state.opened.off ?? "";
  $("#off").hidden = !state.opened.off;
  if ((tab === "looks" && !looks) || (tab === "text" && !text)) showTab(tabNames[0] ?? "looks");
};
// An open session takes the stage. `keeping` leaves the history as it is.
const take = (told, keeping = false) => {
  const { opened } = told;
  state.opened = opened;
  setControls(opened.controls);
  $("#calibrate").hidden = !opened.own?.length;
  const other = state.desk !== opened.desk;
  Object.assign(state, {
    desk: opened.desk, person: opened.person, stack: opened.stack, entries: opened.entries, edits: { ...opened.edits },
  });
  learned++;
  if (other) tellShown();
  paintOff();
  $("#keep-row").hidden = !opened.composited;
  if (!keeping) {
    state.hair = opened.hair;
    state.keepBackground = opened.keep_background;
    state.steps = [{ ...snapshot(), label: "Start" }];
    state.at = 0;
  }
  $("#size-face").textContent = opened.sizes.face.join(" × ");
  $("#size-photograph").textContent = opened.sizes.photograph.join(" × ");
  $("#facts").replaceChildren(...opened.facts.map(([label, value, note]) =>
    made("tr", {}, made("th", { scope: "row" }, label), made("td", {}, value), made("td", {}, note))));
  paintPeople();
};
const open = async (told, { name = "", example = "", keeping = false, view = "face" } = {}) => {
  supersede();
  pictures.clear();
  stage.dataset.shown = "";
  looksOf = "";
  take(told, keeping);
  Object.assign(state, { name, example, view });
  from = {};
  paintFrom();
  $("#strip").replaceChildren();
  $("#animation").replaceChildren();
  for (const one of $$("#views input")) one.checked = one.value === view;
  before.removeAttribute("src");
  after.removeAttribute("src");
  show("editing");
  unzoom();
  paintEdits();
  paintTab();
  remember();
  // The edits that are kept are the tab's: whoever keeps them draws them.
  await Promise.all([showBefore().then(() => after.src || put(before.src)), keeping || render()]);
};
// The server has lost the workspace: an example can be opened again, with the edits of this tab.
let reopening = null;
const reopen = () => (reopening ??= (async () => {
  try {
    if (!state.example || app.dataset.mode !== "editing") return false;
    const step = state.steps[state.at];
    take(await call("open_example", { name: state.example }), true);
    state.edits = { ...step.edits };
    remember();
    return true;
  } catch {
    return false;
  } finally {
    setTimeout(() => (reopening = null), 1000);
  }
})());

const paintPeople = () => {
  const people = state.opened?.people ?? [];
  $("#faces").replaceChildren(...people.map((path, index) => {
    const image = made("img", { alt: "", width: 64, height: 64 });
    fetched(fileUrl(path)).then((url) => (image.src = url), () => {});
    return made("button", { type: "button", "aria-pressed": String(index === state.person), "aria-label": `Person ${index + 1}`,
      title: people.length > 1 ? "Edit this person" : "The face that is edited", onclick: () => app.dataset.mode === "editing" && index !== state.person && turn(index) }, image);
  }));
};
// Another person of the session, with the original and the looks of theirs.
const showOther = async (told) => {
  take(told, true);
  pictures.clear();
  looksOf = "";
  await showBefore();
};
// Each person keeps their own edits.
const turn = (person) =>
  attempt(async () => {
    const last = state.steps.slice(0, state.at + 1).reverse().find((step) => step.person === person);
    const edits = last?.edits ?? {};
    await showOther(await call("turn", { person, edits }));
    state.edits = { ...edits };
    await commit(`Person ${person + 1}`);
    paintTab();
  });

// ---------------------------------------------------------------------------------- photographs
// A new photograph beside an open session replaces nothing without a question.
const mayReplace = async (what) => {
  if (app.dataset.mode === "learning") {
    toast("A face is being learned; stop that first.");
    return false;
  }
  if (!state.opened || (state.example && isPlain())) return true;
  const whose = state.example ? $(`[data-example="${CSS.escape(state.example)}"]`).textContent : state.name;
  const answer = await ask(`Leave ${whose || "this face"}?`, `${what} takes the place of the face that is open, and of its edits. Save the session file first if you want to come back to it later.`,
    [["", "Cancel"], ["save", "Save session file"], ["go", "Replace it", "main"]]);
  if (answer === "save") {
    await saveSession();
    return mayReplace(what);
  }
  if (answer === "go" && !$("#still").hidden) await call("stop");
  return answer === "go";
};
const note = (text) => {
  $("#photo-note").textContent = text;
  $("#setup-note").textContent = text;
};
// No earlier face stays armed: crop, boxes and button go.
const disarm = () => {
  $("#learn").disabled = true;
  $("#crop").removeAttribute("src");
  boxes = null;
  placeBoxes();
};
const INVITATION = $("#drop .big").textContent;
const lookFor = (busy) => {
  $("#drop").classList.toggle("busy", busy);
  $("#drop .big").textContent = busy ? "Looking for a face …" : INVITATION;
  if (busy) $("#setup-text").textContent = "Looking for a face …";
};
let comeBack = null; // what is edited while more people are added to it
const takePhoto = (file) =>
  attempt(async () => {
    if (!file) return;
    if (/[.](safetensors|pt|pth|npy|npz)$/i.test(file.name)) return takeSession(file);
    if (!(await mayReplace("The new photo"))) return;
    const mine = supersede();
    disarm();
    note("");
    lookFor(true);
    const local = URL.createObjectURL(file);
    let path = "";
    comeBack = null;
    const learnable = async (given) => {
      if (mine !== choosing) return; // another photo, or none, was chosen meanwhile
      const told = await call("photograph", { path, ...given });
      if (mine !== choosing) return;
      state.opened = null;
      Object.assign(state, { name: file.name, example: "", steps: [], at: 0, edits: {}, entries: [] });
      showPhotograph(told);
      if (told.note) toast(told.note);
    };
    try {
      ({ path } = await upload(file));
      await learnable();
    } catch (error) {
      if (mine !== choosing) return;
      // In place of what was there before: the photograph that cannot be used is no open face.
      if (app.dataset.mode === "photo") leavePhoto();
      if (app.dataset.mode === "editing") return toast(error.message, { bad: true });
      note(error.message);
      // A profile, a painting, closed eyes, or a picture that is an aligned face already.
      if (error.noFace) closeAsked = toast("Is there a face after all?", { label: "Mark it yourself", stays: true, action: () => attempt(() => learnable({ marked: true })) });
    } finally {
      URL.revokeObjectURL(local);
      lookFor(false);
    }
  });
const showPhotograph = (told) => {
  const other = state.desk !== told.desk;
  state.desk = told.desk;
  if (other) tellShown();
  show("photo");
  note("");
  stage.classList.remove("split");
  line.hidden = true;
  $("#split").setAttribute("aria-pressed", "false");
  boxes = told;
  before.removeAttribute("src");
  put(fileUrl(told.picture));
  after.alt = "The chosen photo";
  unzoom();
  fetched(fileUrl(told.people[0])).then((url) => ($("#crop").src = url), () => {});
  const alone = told.people.length === 1;
  $("#setup-text").textContent = !alone ? `${told.people.length} photos will be learned together.`
    : told.square ? "Drag a square over what it is to learn."
    : told.marked ? MARKING
    : told.boxes.length > 1 ? `${told.boxes.length} faces were found. Press another one in the photo to use it.` : "One face was found.";
  // Of several photographs the first one's boxes are on the stage.
  // An opened session's crop has its own place: there is no way back to that from a square.
  const placed = told.face === null && !told.marked;
  if (!told.marked) state.framed = told.square || placed ? "" : told.desk;
  $("#mark-face").hidden = told.square || placed || (told.marked && state.framed !== told.desk);
  $("#mark-face").textContent = told.marked ? "Back to the faces that were found" : "Another face: mark it yourself";
  $("#learn").textContent = told.people.length > 1 ? `Learn these ${told.people.length} faces` : told.square ? "Learn this picture" : "Learn this face";
  $("#setup h2").textContent = told.square ? "Which part?" : !alone ? "Whose faces?" : told.boxes.length > 1 ? "Whose face?" : "Is this the face?";
  $("#learn").disabled = false;
  if (!alone) call("status").then(tellStatus, () => {}); // together they take longer
  $("#back").hidden = !comeBack;
  $("#other-photo").hidden = $("#remove-photo").hidden = Boolean(comeBack);
  state.opened = { people: told.people, before: {}, bounds: {}, looks: [], sizes: { face: told.size, photograph: told.size } };
  paintPeople();
  state.opened = null;
  placeBoxes();
  remember();
  kept(localStorage, "pti-latest", null);
};
const leavePhoto = () => {
  disarm();
  if (state.desk && !state.opened) call("forget").catch(() => {});
  Object.assign(state, { desk: "", opened: null, steps: [], at: 0 });
  kept(sessionStorage, "pti-tab", null);
  tellShown();
  note("");
  show("welcome");
};
const takeSession = (file) =>
  attempt(async () => {
    if (!file || !(await mayReplace("The session file"))) return;
    $("#drop").classList.add("busy");
    try {
      const { path } = await upload(file);
      await open(await call("open_code", { path }), { name: file.name });
    } finally {
      $("#drop").classList.remove("busy");
    }
  });
const openExample = (name) =>
  attempt(async () => {
    if (!(await mayReplace("The ready-made face"))) return;
    const heading = $("#examples h2"), invitation = heading.textContent;
    $("#welcome").classList.add("busy");
    heading.textContent = `Opening ${$(`[data-example="${CSS.escape(name)}"]`).textContent} …`;
    try {
      await open(await call("open_example", { name }), { name, example: name });
    } finally {
      $("#welcome").classList.remove("busy");
      heading.textContent = invitation;
    }
  });
on(["#pick", "#other-photo"], "click", () => $("#file-photo").click());
// The first screen has all ways to a new face, and one back.
on("#new-photo", "click", () => {
  note("");
  $("#go-on").hidden = false;
  show("welcome");
  scrollTo(0, 0);
  $("#pick").focus();
});
on("#remove-photo", "click", () => (supersede(), leavePhoto()));
on("#back", "click", () =>
  attempt(async () => {
    const saved = comeBack;
    supersede();
    await resume(await call("drop_added"), saved);
    comeBack = null;
  }));
on("#drop", "click", (event) => event.target.closest("button") || $("#file-photo").click());
const chosenFiles = (id, use) =>
  on(id, "change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    if (files.length) use(files);
  });
chosenFiles("#file-photo", ([file]) => takePhoto(file));
chosenFiles("#file-session", ([file]) => takeSession(file));
chosenFiles("#file-people", (files) => addPeople(files));
on(["#pick-session", "#open-session"], "click", () => $("#file-session").click());
on("#add-people", "click", () => $("#file-people").click());
on($$("[data-example]"), "click", (event) => openExample(event.currentTarget.dataset.example));
on(document, "dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  app.classList.add("dropping");
});
on(document, "dragleave drop", () => app.classList.remove("dropping"));
on(document, "drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  takePhoto(event.dataTransfer.files[0]);
});
on(document, "paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
  if (!file || typing(event)) return;
  event.preventDefault();
  takePhoto(file);
});
const addPeople = (files) =>
  attempt(async () => {
    if (app.dataset.mode === "learning") return toast("A face is being learned; stop that first.");
    if (app.dataset.mode === "editing") {
      const answer = await ask("Learn them together?", "The faces are learned again, together with the new ones. Your edits of the open face stay until then.", [["", "Cancel"], ["go", "Add them", "main"]]);
      if (answer !== "go") return;
      const { name, example, view, steps, at } = state;
      comeBack = { name, example, view, steps, at, desk: state.desk };
    }
    const { desk } = state, armed = !$("#learn").disabled, sent = [];
    $("#learn").disabled = true;
    try {
      for (const file of files) sent.push({ path: (await upload(file)).path, name: file.name });
      if (state.desk !== desk || app.dataset.mode === "learning") return; // they were for another face
      const told = await call("add_people", { files: sent });
      for (const text of told.refused) toast(text, { bad: true });
      if (told.refused.length === files.length || (desk && state.desk !== desk)) return;
      supersede(); // the added ones are learned, whatever is chosen beside them
      showPhotograph(told);
      if (told.note) toast(told.note);
    } finally {
      if (state.desk === desk && armed) $("#learn").disabled = false;
    }
  });

// ---------------------------------------------------------------------------------------- camera
let stream = null;
const closeCamera = () => {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
};
on("#use-camera", "click", async () => {
  const dialog = $("#camera-dialog");
  $("#camera-said").textContent = "";
  $("#shoot").disabled = true;
  $("#camera").hidden = false;
  dialog.showModal();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1920 }, facingMode: "user" } });
    $("#camera").srcObject = stream;
    await $("#camera").play();
    $("#shoot").disabled = false;
  } catch (error) {
    $("#camera").hidden = true; // a black square would look like a picture to come
    $("#camera-said").textContent = error.name === "NotAllowedError"
      ? "The browser does not allow the camera. Allow it in the address bar, or choose a photo."
      : "There is no camera that the browser can use. Choose a photo instead.";
  }
});
on("#camera-dialog", "close", closeCamera);
on("#shoot", "click", () => {
  const video = $("#camera"), canvas = made("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  $("#camera-dialog").close();
  canvas.toBlob((blob) => takePhoto(new File([blob], "camera.png", { type: "image/png" })), "image/png");
});
on("#forget", "click", () =>
  attempt(async () => {
    const sure = await ask("Remove everything?", "The photo, the learned face and the edits leave the server now, files that you just made within 20 minutes. Links that you shared stay until you delete them.",
      [["", "Cancel"], ["go", "Remove", "danger"]]);
    if (sure !== "go") return;
    await call("forget");
    kept(localStorage, "pti-latest", null);
    $("#go-on").hidden = true;
    state.opened = { gone: true };
    leavePhoto();
    state.opened = null;
  }));
