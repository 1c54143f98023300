// The picture: before and after, hold, split, zoom, full screen.
const stage = $("#stage");
const before = $("#before"), after = $("#after");
const zoom = { by: 1, x: 0, y: 0 };
const beforeUrls = {}; // by path, promised
let latest = "", moving = false, drawing = 0;
const pictures = new Map(); // full pictures of late, by what they show
const KEPT_PICTURES = 16;

const pictureKey = () => JSON.stringify([pictureRequest(), state.stack, state.person, learned]);
let learned = 0; // counts how often the generator of the open session changed

const put = (url) => {
  latest = url;
  after.src = url;
  if ($("#share-dialog").open) $("#share-after").src = url;
};
const asked = async (full, more = {}) => {
  const answer = await fetch(`${base}/moving`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(pictureRequest({ full, ...more })),
  }).catch(() => { throw Object.assign(new Error(UNREACHABLE), { offline: true }); });
  if (answer.ok) return answer.blob();
  const gone = answer.status !== 503;
  throw Object.assign(new Error(gone ? await answer.text() : ""), { busy: !gone });
};
// The full picture of the edits as they are now; an earlier request that comes later is dropped.
const render = async () => {
  if (!state.opened) return;
  const mine = ++drawing, key = pictureKey();
  moving = false;
  const plain = isPlain() && state.opened.composited; // it is the photograph, which is here
  let url = pictures.get(key) ?? (plain ? await beforeUrl() : "");
  if (!url) {
    stage.classList.add("drawing");
    for (let tries = 0; !url && mine === drawing; tries++) {
      try {
        url = URL.createObjectURL(await asked(true));
      } catch (error) {
        if (error.offline && mine === drawing) { // the picture comes when the server is back
          tellOffline();
          await pause(2000);
          tries = 0;
          continue;
        }
        if (!error.busy || tries > 40) {
          if (mine === drawing) stage.classList.remove("drawing");
          if (mine !== drawing) return;
          if (/no longer kept/.test(error.message) && (await reopen())) return render();
          return toast(error.message || "The server is busy; please try again.", { bad: true });
        }
        await pause(150);
      }
    }
    if (url) {
      pictures.set(key, url);
      for (const [old, gone] of pictures) {
        if (pictures.size <= KEPT_PICTURES) break;
        if (gone !== latest) URL.revokeObjectURL(gone);
        pictures.delete(old);
      }
    }
  }
  if (mine !== drawing) return;
  stage.classList.remove("drawing");
  put(url);
  await after.decode().catch(() => {});
  stage.dataset.shown = key;
  if (plain) call("prepare").catch(() => {});
  describe();
  keepThumbnail();
  tellLikeness();
  tellNotes();
};
let toldOffline = 0;
const tellOffline = () => {
  if (Date.now() - toldOffline > 30000) toast(UNREACHABLE, { bad: true });
  toldOffline = Date.now();
};
// While a slider moves, small pictures follow it: one request at a time, for where it is then.
let following = false, again = false;
const follow = async () => {
  again = true;
  moving = true;
  drawing++;
  if (following) return;
  following = true;
  while (again && moving) {
    again = false;
    try {
      const blob = await asked(false);
      if (moving) put(URL.createObjectURL(blob));
    } catch {
      await pause(200);
    }
  }
  following = false;
};
const describe = () => {
  const list = Object.keys(state.edits).map((n) => `${controls.get(n).label} ${shownAmount(n)}`);
  after.alt = list.length ? `The edited picture: ${list.join(", ")}` : "The picture without edits";
};
// The unedited picture of the view, fetched once; "" where it cannot be had.
const beforeUrl = async () => {
  const path = state.opened?.before[state.view];
  if (!path) return "";
  beforeUrls[path] ??= fetched(fileUrl(path)).catch(() => {
    delete beforeUrls[path];
    return "";
  });
  return beforeUrls[path];
};
const showBefore = async () => {
  const url = await beforeUrl();
  if (url) before.src = url;
};

// ------------------------------------------------------------------------------------- original
const hold = (held) => stage.classList.toggle("holding", held && Boolean(state.opened));
on("#hold", "pointerdown", (event) => (event.preventDefault(), hold(true)));
on("#hold", "keydown", (event) => " Enter".includes(event.key) && (event.preventDefault(), hold(true)));
on(document, "pointerup pointercancel blur", () => hold(false));
on("#hold", "keyup blur", () => hold(false));
on(document, "keydown", (event) => {
  if (event.key !== " " || app.dataset.mode !== "editing" || typing(event)) return;
  if (event.target.closest?.("button, summary, label, [role=tab], dialog")) return;
  event.preventDefault();
  hold(true);
});
on(document, "keyup", (event) => event.key === " " && hold(false));

// ---------------------------------------------------------------------------------------- split
const line = $("#split-line");
const setSplit = (share) => {
  const at = clamp(share, 0, 100);
  stage.style.setProperty("--split", `${at}%`);
  line.setAttribute("aria-valuenow", String(Math.round(at)));
  line.setAttribute("aria-valuetext", `${Math.round(at)} % original`);
};
on("#split", "click", () => {
  const split = stage.classList.toggle("split");
  line.hidden = !split;
  $("#split").setAttribute("aria-pressed", String(split));
  if (split) setSplit(50);
});
on(line, "keydown", (event) => {
  const step = { ArrowLeft: -2, ArrowRight: 2, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
  if (!(event.key in step)) return;
  event.preventDefault();
  setSplit(Number(line.getAttribute("aria-valuenow")) + step[event.key]);
});
on(line, "pointerdown", (event) => {
  event.preventDefault();
  event.stopPropagation();
  line.setPointerCapture(event.pointerId);
  line.focus({ preventScroll: true });
});
on(line, "pointermove", (event) => {
  if (!line.hasPointerCapture(event.pointerId)) return;
  const box = stage.getBoundingClientRect();
  setSplit((100 * (event.clientX - box.left)) / box.width);
});

// ----------------------------------------------------------------------------------------- zoom
const applyZoom = () => {
  const { width, height } = stage.getBoundingClientRect();
  zoom.by = clamp(zoom.by, 1, 12);
  zoom.x = clamp(zoom.x, (width * (1 - zoom.by)) / 2, (width * (zoom.by - 1)) / 2);
  zoom.y = clamp(zoom.y, (height * (1 - zoom.by)) / 2, (height * (zoom.by - 1)) / 2);
  stage.style.setProperty("--zoom", `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.by})`);
  stage.classList.toggle("zoomed", zoom.by > 1);
  $("#real").setAttribute("aria-pressed", String(zoom.by > 1));
};
const zoomAt = (factor, clientX, clientY) => {
  if (boxes) return; // faces are pressed and drawn where they are
  const box = stage.getBoundingClientRect();
  const x = clientX - box.left - box.width / 2, y = clientY - box.top - box.height / 2;
  const by = clamp(zoom.by * factor, 1, 12), ratio = by / zoom.by;
  Object.assign(zoom, { by, x: x - (x - zoom.x) * ratio, y: y - (y - zoom.y) * ratio });
  applyZoom();
};
const unzoom = () => (Object.assign(zoom, { by: 1, x: 0, y: 0 }), applyZoom());
on(stage, "wheel", (event) => {
  if (!event.ctrlKey) return; // the page scrolls
  event.preventDefault();
  zoomAt(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
}, { passive: false });
on("#real", "click", () => {
  if (zoom.by > 1) return unzoom();
  const box = stage.getBoundingClientRect(), [width, height] = fullSize();
  const shown = Math.min(box.width / width, box.height / height);
  zoomAt(Math.max(1 / (shown * devicePixelRatio), 1.5), box.left + box.width / 2, box.top + box.height / 2);
});
const fullSize = () => state.opened?.sizes[state.view] ?? [after.naturalWidth, after.naturalHeight];
on(stage, "dblclick", (event) => (zoom.by > 1 ? unzoom() : zoomAt(3, event.clientX, event.clientY)));
on(stage, "keydown", (event) => {
  if (event.target !== stage) return;
  const box = stage.getBoundingClientRect();
  if ("+=".includes(event.key)) zoomAt(1.25, box.left + box.width / 2, box.top + box.height / 2);
  else if (event.key === "-") zoomAt(0.8, box.left + box.width / 2, box.top + box.height / 2);
  else if (event.key === "0") unzoom();
  else if (zoom.by > 1 && event.key.startsWith("Arrow")) {
    const [dx, dy] = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    zoom.x += dx;
    zoom.y += dy;
    applyZoom();
    event.preventDefault();
  }
});
// One finger or the mouse: hold for the original, or move the enlarged picture. Two: pinch.
const fingers = new Map();
let holdTimer = 0;
on(stage, "pointerdown", (event) => {
  if (event.target.closest("button, #split-line") || event.button) return;
  fingers.set(event.pointerId, event);
  clearTimeout(holdTimer);
  if (fingers.size > 1) return hold(false);
  if (zoom.by === 1) holdTimer = setTimeout(() => hold(true), event.pointerType === "mouse" ? 120 : 250);
  else stage.setPointerCapture(event.pointerId);
});
on(stage, "pointermove", (event) => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  if (fingers.size === 2) {
    const other = [...fingers.values()].find((one) => one.pointerId !== event.pointerId);
    const far = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    zoomAt(far(event) / Math.max(far(last), 1), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
  } else if (zoom.by > 1) {
    zoom.x += event.clientX - last.clientX;
    zoom.y += event.clientY - last.clientY;
    applyZoom();
  } else if (Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) > 10) {
    clearTimeout(holdTimer);
    if (event.pointerType !== "mouse") return;
  }
  if (fingers.size === 2 || zoom.by > 1) fingers.set(event.pointerId, event);
});
on(document, "pointerup pointercancel", (event) => {
  clearTimeout(holdTimer);
  fingers.delete(event.pointerId);
});
on(stage, "touchmove", (event) => {
  if (event.touches.length > 1 || zoom.by > 1) event.preventDefault();
}, { passive: false });

// ---------------------------------------------------------------------------------- full screen
if (!document.fullscreenEnabled) $("#full").hidden = true;
on("#full", "click", () =>
  document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen?.().catch(() => {}));
on("#leave-full", "click", () => document.exitFullscreen());
on(document, "fullscreenchange", () => setTimeout(unzoom, 50));
on(window, "resize", () => (applyZoom(), placeBoxes()));

// ----------------------------------------------------------------------------------------- view
on($$("#views input"), "change", async (event) => {
  state.view = event.target.value;
  unzoom();
  remember();
  await showBefore();
  render();
});
