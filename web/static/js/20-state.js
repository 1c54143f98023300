// What is open and what is done to it, and the one history of all edits.
const state = {
  owner: "",
  desk: "",
  name: "", // of the photograph's file
  example: "",
  revision: 0, // of the desk's session when its learning began
  share: "", // of the link that the page was opened with
  opened: null, // as the server tells it
  edits: {}, // name to amount, in the order in which they were made
  view: "face",
  person: 0,
  stack: 0, // number of the text edits that are no sliders
  entries: [],
  hair: null, // { colour, amount, brows }
  keepBackground: true,
  steps: [], // of the history
  at: 0,
  framed: "", // the desk whose photo shows faces that were found
};
let allControls = facts.controls; // of the open session; at first the page's
const controls = new Map(allControls.map((control) => [control.name, control]));
const LONGEST_HISTORY = 60;

const boundsOf = (name) => state.opened?.bounds[name] ?? [-1, 1, 0.02];
const shownAmount = (name, amount = state.edits[name] ?? 0) => {
  const { unit, scale } = controls.get(name);
  if (!amount) return boundsOf(name)[0] === 0 ? "off" : "0";
  const sign = amount > 0 ? "+" : "−";
  const number = Number((Math.abs(amount) * scale).toPrecision(3));
  return `${sign}${number}${unit === "%" ? "%" : unit ? ` ${unit}` : ""}`;
};
// The body of every request for a picture. Options besides amounts of edits belong here, and are
// read by `apply_options` in web/picture_options.py.
const pictureRequest = (more = {}) => ({
  desk: state.desk,
  edits: state.edits,
  view: state.view,
  hair: state.hair,
  keep_background: state.keepBackground,
  ...more,
});
const snapshot = () => ({
  edits: { ...state.edits },
  stack: state.stack,
  person: state.person,
  hair: state.hair && { ...state.hair },
  keepBackground: state.keepBackground,
});
const isPlain = () => !Object.keys(state.edits).length && !state.hair && !state.entries.length;
const same = (one, other) => {
  const plain = (step) =>
    JSON.stringify([Object.entries(step.edits).sort(), step.stack, step.person, step.hair,
      step.keepBackground]);
  return plain(one) === plain(other);
};

// What a reload needs, and what another visit may go on with.
const remember = () => {
  if (!state.desk) return;
  const { desk, name, example, share, view, steps, at } = state;
  const told = { desk, name, example, share, view, at, steps, framed: state.framed };
  kept(sessionStorage, "pti-tab", told);
  kept(localStorage, "pti-latest", told);
};
// A step of the history: after every change by hand, by words, by a look or by chance.
const commit = (label) => {
  const step = { ...snapshot(), label };
  if (state.steps.length && same(step, state.steps[state.at])) return render();
  state.steps = [...state.steps.slice(0, state.at + 1), step].slice(-LONGEST_HISTORY);
  state.at = state.steps.length - 1;
  remember();
  paintEdits();
  return render();
};
// Amounts as far as the open session's ranges go: they change when learning is finished. A slider
// that begins at zero may have a range on the other side, for looks and words.
const inRange = (name, amount) => {
  const [low, high] = boundsOf(name);
  return clamp(amount, Math.min(low, amount < 0 && low === 0 ? amount : low), high);
};
const within = (edits) =>
  Object.fromEntries(Object.entries(edits).filter(([name]) => controls.has(name)).map(([name, amount]) => [name, inRange(name, amount)]));
const endOf = (name, amount) => {
  const { label } = controls.get(name);
  return amount ? `“${label}” ends at ${shownAmount(name, amount)} on this face.` : `“${label}” begins at 0.`;
};
// Ranges were fitted to the person: edits that go beyond them are said to end there, in all steps.
const fitSteps = () => {
  const now = state.steps[state.at];
  const ended = Object.keys(now.edits).filter((name) => controls.has(name) && now.edits[name] !== within(now.edits)[name]);
  state.steps = state.steps.map((step) => {
    const edits = within(step.edits);
    return step.person !== state.person || JSON.stringify(edits) === JSON.stringify(step.edits) ? step : { ...step, edits, thumb: undefined };
  });
  return ended.map((name) => ` ${endOf(name, within(now.edits)[name])}`).join("");
};
// Go to a step: 0 is the first that is kept. Of several presses each begins where the one before ended.
let going = Promise.resolve();
const afterThat = (work) => (going = going.then(work, work));
const goTo = (index) => afterThat(() => go(index));
const goBy = (count) => afterThat(() => go(state.at + count));
const go = (index) =>
  attempt(async () => {
    const step = state.steps[index];
    if (!step) return;
    const other = step.person !== state.person;
    if (other) await showOther(await call("turn", { person: step.person, edits: step.edits }));
    if (step.stack !== state.stack) {
      const told = await call("put_back", { stack: step.stack });
      Object.assign(state, { stack: told.stack, entries: told.entries });
    }
    state.at = index;
    state.edits = within(step.edits);
    state.hair = step.hair && { ...step.hair };
    state.keepBackground = step.keepBackground;
    remember();
    paintEdits();
    if (other) paintTab();
    await render();
  });
const undo = () => goBy(-1);
const redo = () => goBy(1);

// Replace all edits at once: a look, a sentence, chance, nothing.
const setEdits = (edits, label) => {
  state.edits = {};
  for (const [name, amount] of Object.entries(edits)) {
    if (!controls.has(name)) continue;
    const own = inRange(name, amount);
    if (own) state.edits[name] = own;
  }
  return commit(label);
};
const setAmount = (name, amount) => {
  const [low, high, step] = boundsOf(name);
  const whole = Number((Math.round(amount / step) * step).toFixed(9));
  const own = clamp(whole, low, high);
  if (own) state.edits = { ...state.edits, [name]: own };
  else {
    const { [name]: _, ...rest } = state.edits;
    state.edits = rest;
  }
  return own;
};
