// Hair colour: swatches, any other colour, strength, brows.
const SWATCHES = [
  ["Black", "#1c1816"], ["Dark brown", "#3b2417"], ["Brown", "#6a4425"], ["Chestnut", "#7d3c1d"],
  ["Blond", "#d6b370"], ["Platinum", "#ece2cc"], ["Copper", "#b55a26"], ["Red", "#a11d21"],
  ["Grey", "#9a9a9c"], ["Pink", "#f06aa8"], ["Blue", "#2f63d0"], ["Purple", "#7a3fb4"],
];
const dyeIsMeant = () => {
  const words = searched(), names = `hair colour color dye ${SWATCHES.map(([name]) => name).join(" ")}`.toLowerCase();
  return Boolean(state.opened?.composited) && words.length > 0 && words.every((word) => names.includes(word));
};
const setHair = (hair, label = "Hair colour") => {
  state.hair = hair;
  return commit(hair ? label : "Hair colour removed");
};
const paintHair = () => {
  const where = $("#hair-colour");
  if (!state.opened?.composited) return;
  const { colour = "#6a4425", amount = 80, brows = false } = state.hair ?? {};
  const pick = (chosen, label) => setHair({ colour: chosen, amount, brows }, label);
  const own = made("input", { type: "color", value: colour, "aria-label": "Another hair colour" });
  on(own, "change", () => pick(own.value, "Hair colour"));
  const strength = made("input", { type: "range", min: 0, max: 100, step: 1, value: amount, disabled: !state.hair, "aria-label": "Hair colour, strength" });
  on(strength, "change", () => state.hair && setHair({ colour, amount: Number(strength.value), brows }));
  const both = made("input", { type: "checkbox", checked: brows, disabled: !state.hair });
  on(both, "change", () => state.hair && setHair({ colour, amount, brows: both.checked }));
  where.replaceChildren(
    made("h2", {}, "Hair colour"),
    made("div", { class: "swatches", role: "group", "aria-label": "Hair colours" },
      ...SWATCHES.map(([label, value]) =>
        made("button", { type: "button", style: `background:${value}`, "aria-label": `${label} hair`, title: label,
          "aria-pressed": String(state.hair?.colour === value), onclick: () => pick(value, `${label} hair`) })),
      own,
      button("None", { disabled: !state.hair, onclick: () => setHair(null), title: "Take the hair colour away" })),
    made("div", { class: "row" }, made("label", {}, "Strength ", strength), made("label", { class: "check" }, both, " Eyebrows too")));
};
