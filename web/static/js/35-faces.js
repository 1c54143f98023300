// The faces of a photograph that is to be learned: those that were found, to press; and a square that
// one draws by hand, where none was found, where it is another one, or where no faces are drawn.
let boxes = null; // { size, boxes, face, square, marked } while a photograph is to be learned
const byHand = () => Boolean(boxes?.square || boxes?.marked);
// Where the photograph lies on the stage: its left upper corner, and screen pixels for one of its own.
const photoOnStage = () => {
  const { width, height } = stage.getBoundingClientRect(), [wide, high] = boxes.size;
  const scale = Math.min(width / wide, height / high);
  return { left: (width - wide * scale) / 2, top: (height - high * scale) / 2, scale };
};
const placeBoxes = () => {
  const where = $("#boxes"), held = [...where.children].indexOf(document.activeElement);
  where.replaceChildren();
  stage.classList.toggle("marking", byHand());
  if (!boxes || (boxes.boxes.length < 2 && !byHand())) return;
  const { left, top, scale } = photoOnStage(), many = boxes.boxes.length;
  where.append(...boxes.boxes.map(([x0, y0, x1, y1], index) => {
    const place = `left:${left + x0 * scale}px;top:${top + y0 * scale}px;width:${(x1 - x0) * scale}px;height:${(y1 - y0) * scale}px`;
    if (!byHand())
      return made("button", { type: "button", style: place, "aria-pressed": String(index === boxes.face),
        "aria-label": `Face ${index + 1} of ${many}`, onclick: () => chooseFace(index) });
    const square = made("div", { tabindex: 0, style: place, class: "square", role: "application",
      "aria-label": "The square: arrow keys move it, plus and minus size it" });
    on(square, "keydown", nudge);
    return square;
  }));
  if (held >= 0) where.children[Math.min(held, where.children.length - 1)]?.focus();
};

// One choice after the other; the answer to one that is not the latest any more is dropped.
let choosing = 0, choices = Promise.resolve(), nudged = 0;
let closeAsked = () => {}; // the question whether there is a face after all
const supersede = () => {
  clearTimeout(nudged);
  closeAsked();
  return ++choosing;
};
const choose = (where) => {
  const mine = supersede();
  $("#learn").disabled = true; // until the server has it
  choices = choices.then(() => mine === choosing && attempt(async () => {
    const told = await call("choose_face", where);
    if (mine !== choosing) return;
    showPhotograph(told);
    note(told.note);
  }));
};
const chooseFace = (face) => {
  for (const [index, one] of $$("#boxes button").entries()) one.setAttribute("aria-pressed", String(index === face));
  choose({ face });
};

const showSquare = ([left, top, side]) => {
  supersede();
  boxes = { ...boxes, boxes: [[left, top, left + side, top + side]] };
  $("#learn").disabled = true;
  placeBoxes();
};
// By keyboard: the server is told once one pauses.
const nudge = (event) => {
  const [x0, y0, x1] = boxes.boxes[0], [width, height] = boxes.size, step = Math.min(width, height) / 40;
  const [right, down, more] = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
    "+": [-1, -1, 2], "=": [-1, -1, 2], "-": [1, 1, -2] }[event.key] ?? [];
  if (right === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const side = clamp(x1 - x0 + more * step, Math.min(16, width, height), Math.min(width, height));
  const square = [clamp(x0 + right * step, 0, width - side), clamp(y0 + down * step, 0, height - side), side];
  showSquare(square);
  nudged = setTimeout(() => choose({ square }), 600);
};

// By mouse or finger: the square is moved by its inside; elsewhere one draws a new one, from one
// corner to the other, which is undone where it is too small.
let corner = null; // where it began, in pixels of the photograph; the finger; what was there
const inPhoto = (event) => {
  const box = stage.getBoundingClientRect(), { left, top, scale } = photoOnStage(), [width, height] = boxes.size;
  return [clamp((event.clientX - box.left - left) / scale, 0, width), clamp((event.clientY - box.top - top) / scale, 0, height)];
};
on(stage, "pointerdown", (event) => {
  if (!byHand() || event.button || corner) return;
  event.preventDefault();
  const [x, y] = inPhoto(event), [x0, y0, x1, y1] = boxes.boxes[0] ?? [0, 0, 0, 0];
  const all = x1 - x0 > 0.9 * Math.min(...boxes.size); // it cannot be moved
  const held = !all && x > x0 && x < x1 && y > y0 && y < y1;
  corner = { at: [x, y], finger: event.pointerId, was: boxes, held, begun: false };
  stage.setPointerCapture(event.pointerId);
});
const squareTo = (event) => {
  const [x, y] = inPhoto(event), [width, height] = boxes.size, [x0, y0] = corner.at;
  if (corner.held) {
    const [left, top, end] = corner.was.boxes[0], side = end - left;
    return [clamp(left + x - x0, 0, width - side), clamp(top + y - y0, 0, height - side), side];
  }
  const right = x >= x0, down = y >= y0;
  const room = Math.min(right ? width - x0 : x0, down ? height - y0 : y0);
  const side = Math.min(Math.max(Math.abs(x - x0), Math.abs(y - y0)), room);
  return [right ? x0 : x0 - side, down ? y0 : y0 - side, side];
};
const isDrawing = (event) => boxes && corner?.finger === event.pointerId;
on(stage, "pointermove", (event) => {
  if (!isDrawing(event)) return;
  // Less than 16 pixels of the screen, and of the photograph, is a slip: it changes nothing.
  const least = corner.held ? 4 : Math.max(16, 16 * photoOnStage().scale), [x, y] = inPhoto(event);
  const far = Math.max(Math.abs(x - corner.at[0]), Math.abs(y - corner.at[1])) * photoOnStage().scale;
  if (!corner.begun && far < least) return;
  corner.begun = true;
  showSquare(squareTo(event));
});
on(stage, "pointerup pointercancel", (event) => {
  if (corner && !boxes) corner = null;
  if (!isDrawing(event)) return;
  const { begun, was } = corner, [left, top, right] = was.boxes[0] ?? [];
  const square = event.type === "pointerup" ? squareTo(event) : [left, top, right - left];
  corner = null;
  if (!begun) return;
  if (square[2] >= 16) return choose({ square });
  boxes = was; // back to nearly nothing
  placeBoxes();
  if (right > left) choose({ square: [left, top, right - left] });
});

// A face that was not found, or the wrong one: one draws the square, and can go back to those found.
let foundBoxes = {}; // what was found, while one marks another
const MARKING = "Draw a square over the whole head. Drag the square to move it, or use the arrow keys, plus and minus.";
on("#mark-face", "click", () => {
  if (!boxes) return;
  if (boxes.marked) {
    if (foundBoxes.desk === state.desk) { // at once; the server has them in a moment
      boxes = { ...boxes, ...foundBoxes, marked: false, face: 0 };
      placeBoxes();
    }
    $("#setup-text").textContent = "Back to the faces that were found …";
    return chooseFace(0);
  }
  foundBoxes = { desk: state.desk, boxes: boxes.boxes };
  const [width, height] = boxes.size, side = Math.min(width, height) / 2;
  boxes = { ...boxes, marked: true };
  showSquare([(width - side) / 2, (height - side) / 2, side]);
  $("#setup-text").textContent = MARKING;
  $("#mark-face").textContent = "Back to the faces that were found";
  $("#boxes .square").focus();
});
