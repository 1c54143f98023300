// What the page does in the browser alone: groups of sliders, their search, and the keyboard.
() => {
  const style = document.head.appendChild(document.createElement("style"));
  let group = "0";

  const sliders = () => [...document.querySelectorAll(".many .edit-slider")];
  const search = () => document.querySelector("#finder input");

  // A style sheet stays when Gradio draws a slider anew; classes set from here would not.
  const apply = () => {
    const words = (search()?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const chips = [...document.querySelectorAll("#finder [data-group]")];
    for (const chip of chips)
      chip.setAttribute("aria-pressed", String(!words.length && chip.dataset.group === group));
    if (!words.length) {
      style.textContent = `.many .edit-slider:not(.group-${group}) { display: none !important; }`;
      return;
    }
    const named = (slider) => {
      const at = [...slider.classList].find((name) => name.startsWith("group-"))?.slice(6);
      const heading = chips.find((chip) => chip.dataset.group === at)?.textContent ?? "";
      return `${slider.textContent} ${slider.id} ${heading}`.toLowerCase();
    };
    const found = sliders().filter((slider) => words.every((word) => named(slider).includes(word)));
    const kept = found.map((slider) => `#${CSS.escape(slider.id)}`).join(", ");
    style.textContent =
      `.many .edit-slider${kept && `:not(${kept})`} { display: none !important; }` +
      (kept ? "" : " #finder .no-match { display: block !important; }");
  };

  // From an edit in the list to its slider.
  const show = (name) => {
    const slider = document.getElementById(`slider-${name}`);
    if (!slider) return;
    if (search()) search().value = "";
    group = [...slider.classList].find((c) => c.startsWith("group-"))?.slice(6) ?? group;
    apply();
    slider.scrollIntoView({ behavior: "smooth", block: "center" });
    slider.querySelector("input[type=range]")?.focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    const chip = event.target.closest?.("#finder [data-group]");
    if (chip) {
      group = chip.dataset.group;
      search().value = "";
      apply();
    }
    const go = event.target.closest?.("#stack [data-go]");
    if (go) show(go.dataset.go);
  });
  document.addEventListener("input", (event) => {
    if (event.target === search()) apply();
  });

  // Gradio knows when a slider is let go by a finger; after keys and typed numbers it is said here.
  let waiting;
  const settle = (event) => {
    if (!event.target.closest?.(".edit-slider")) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => document.querySelector("#settle")?.click(), 400);
  };
  document.addEventListener("keyup", settle);
  document.addEventListener("change", settle);
  apply();
}
