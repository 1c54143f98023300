// Files of the field: a code to learn a photograph around, own sliders, the tuned generator.
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
