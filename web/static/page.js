// What the page does in the browser alone: groups of sliders, their search, the keyboard, and the
// picture while a slider moves.
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

  // While a slider moves, small pictures stand in for the edited one: one request at a time, always
  // for where the slider is then. Where that fails, Gradio's event does the same more slowly.
  const own = "blob:";
  let moving = false, busy = false, again = false, direct = true, latest = "";
  const edited = () => [...document.querySelectorAll("#stage .slider-wrap img")].pop();
  const ask = async (full) => {
    const edits = {};
    for (const slider of document.querySelectorAll(".edit-slider input[type=range]"))
      if (Number(slider.value))
        edits[slider.closest(".edit-slider").id.slice("slider-".length)] = Number(slider.value);
    const desk = document.querySelector("#stack [data-desk]")?.dataset.desk;
    const view = document.querySelector("#view input:checked")?.value;
    const answer = await fetch(location.pathname.replace(/[/]$/, "") + "/moving", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ desk, edits, view, full }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return URL.createObjectURL(await answer.blob());
  };
  const put = (url) => {
    URL.revokeObjectURL(latest);
    latest = url;
    const image = edited();
    if (image) image.src = url;
  };
  const follow = async () => {
    again = true;
    if (busy) return;
    busy = true;
    while (again && moving) {
      again = false;
      try {
        if (!direct) throw new Error("not now");
        const url = await ask(false);
        if (moving) put(url);
        else URL.revokeObjectURL(url);
      } catch {
        if (direct) setTimeout(() => (direct = true), 10000);
        direct = false;
        document.querySelector("#follow")?.click();
      }
    }
    busy = false;
  };
  // The full picture, ahead of Gradio's event, which brings the same and all that belongs to it.
  let resting = 0;
  const rest = async () => {
    const mine = ++resting;
    const url = await ask(true).catch(() => "");
    if (url && !moving && mine === resting) put(url);
    else URL.revokeObjectURL(url);
  };
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.(".edit-slider input[type=range]")) return;
    moving = true;
    resting++;
    follow();
  });
  for (const end of ["change", "pointerup", "pointercancel", "keyup"])
    document.addEventListener(end, (event) => {
      if (event.type === "change" && !event.target.closest?.(".edit-slider")) return;
      if (moving && direct && event.type === "pointerup") rest();
      moving = false;
    });
  // The full picture is there. Gradio leaves the address alone where it is the one before.
  window.ptiRest = (stage) => {
    const image = edited(), full = stage?.[1]?.url;
    if (!moving && full && image?.src.startsWith(own)) image.src = full;
  };

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
