// Files of the field: a code to learn a photograph around, own sliders, the tuned generator; and
// the square that one draws where the generator draws no faces.
chosenFiles("#file-code", ([file]) =>
  attempt(async () => {
    const { path } = await upload(file);
    note((await call("use_code", { path })).said);
  }));
on("#pick-code", "click", () => $("#file-code").click());
const withOwn = async (told) => {
  const step = state.steps[state.at];
  take(told, true);
  state.edits = Object.fromEntries(Object.entries(step.edits).filter(([name]) => controls.has(name)));
  paintEdits();
  paintTab();
};
chosenFiles("#file-directions", ([file]) =>
  attempt(async () => {
    const { path } = await upload(file);
    const told = await call("add_directions", { path });
    await withOwn(told);
    const own = told.opened.controls.find(({ name }) => told.names.includes(name));
    showTab(own ? own.tab : "text");
    if (!own) await commit(told.names.join(", ")); // steps in StyleSpace show at once
    toast(`Added: ${told.names.join(", ")}`);
  }));
on("#pick-directions", "click", () => $("#file-directions").click());
on("#calibrate", "click", () =>
  attempt(async () => {
    $("#calibrate").disabled = true;
    try {
      for (const name of state.opened.own) await withOwn(await call("calibrate", { name }));
      await render();
      toast("Your own sliders have the units of what they move.");
    } finally {
      $("#calibrate").disabled = false;
    }
  }));
on("#export", "click", () =>
  attempt(async () => download((await call("export")).file, "generator.safetensors")));

let corner = null; // where the drawing of a square began, in pixels of the photograph
const inPhoto = (event) => {
  const box = stage.getBoundingClientRect(), [width, height] = boxes.size;
  const scale = Math.min(box.width / width, box.height / height);
  return [
    clamp((event.clientX - box.left - (box.width - width * scale) / 2) / scale, 0, width),
    clamp((event.clientY - box.top - (box.height - height * scale) / 2) / scale, 0, height),
  ];
};
on(stage, "pointerdown", (event) => {
  if (!(boxes?.square || boxes?.marked) || event.button) return;
  event.preventDefault();
  corner = inPhoto(event);
  stage.setPointerCapture(event.pointerId);
});
const squareTo = (event) => {
  const [x, y] = inPhoto(event), [width, height] = boxes.size;
  const right = x >= corner[0], down = y >= corner[1];
  const room = Math.min(right ? width - corner[0] : corner[0], down ? height - corner[1] : corner[1]);
  const side = Math.min(Math.max(Math.abs(x - corner[0]), Math.abs(y - corner[1])), room);
  return [right ? corner[0] : corner[0] - side, down ? corner[1] : corner[1] - side, side];
};
on(stage, "pointermove", (event) => {
  if (!corner || !boxes) return;
  const [left, top, side] = squareTo(event);
  boxes = { ...boxes, boxes: [[left, top, left + side, top + side]] };
  placeBoxes();
});
on(stage, "pointerup pointercancel", (event) => {
  if (!corner) return;
  const square = boxes && squareTo(event);
  corner = null;
  if (!square || square[2] < 16) return placeBoxes();
  $("#learn").disabled = true; // until the server has the square
  attempt(async () => showPhotograph(await call("choose_face", { square })));
});
