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
  const where = $("#boxes"), held = where.contains(document.activeElement);
  where.replaceChildren();
  stage.classList.toggle("marking", byHand());
  if (!boxes || (boxes.boxes.length < 2 && !byHand())) return;
  const { left, top, scale } = photoOnStage(), many = boxes.boxes.length;
  where.append(...boxes.boxes.map(([x0, y0, x1, y1], index) =>
    made("button", {
      type: "button",
      "aria-pressed": String(byHand() || index === boxes.face),
      "aria-label": byHand() ? "The square: arrow keys move it, plus and minus size it" : `Face ${index + 1} of ${many}`,
      style: `left:${left + x0 * scale}px;top:${top + y0 * scale}px;width:${(x1 - x0) * scale}px;height:${(y1 - y0) * scale}px`,
      ...(byHand() ? { onkeydown: nudge } : { onclick: () => chooseFace(index) }),
    })));
  if (held && byHand()) where.firstElementChild?.focus();
};

const showSquare = ([left, top, side]) => {
  boxes = { ...boxes, boxes: [[left, top, left + side, top + side]] };
  $("#learn").disabled = true; // until the server has the square
  placeBoxes();
};
const useSquare = (square) => {
  const mine = ++choosing;
  return attempt(async () => {
    const told = await call("choose_face", { square });
    if (mine === choosing) showPhotograph(told);
  });
};
// By keyboard: the server is told once one pauses.
let nudged = 0;
const nudge = (event) => {
  const [x0, y0, x1] = boxes.boxes[0], [width, height] = boxes.size, step = Math.min(width, height) / 40;
  const [right, down, more] = { ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
    "+": [-1, -1, 2], "=": [-1, -1, 2], "-": [1, 1, -2] }[event.key] ?? [];
  if (right === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // the stage zooms by the same keys
  const side = clamp(x1 - x0 + more * step, Math.min(16, width, height), Math.min(width, height));
  const square = [clamp(x0 + right * step, 0, width - side), clamp(y0 + down * step, 0, height - side), side];
  showSquare(square);
  clearTimeout(nudged);
  nudged = setTimeout(() => boxes && useSquare(square), 600);
};

// By mouse or finger: from one corner to the other.
let corner = null; // where the drawing began, in pixels of the photograph
const inPhoto = (event) => {
  const box = stage.getBoundingClientRect(), { left, top, scale } = photoOnStage(), [width, height] = boxes.size;
  return [clamp((event.clientX - box.left - left) / scale, 0, width), clamp((event.clientY - box.top - top) / scale, 0, height)];
};
on(stage, "pointerdown", (event) => {
  if (!byHand() || event.button) return;
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
on(stage, "pointermove", (event) => corner && boxes && showSquare(squareTo(event)));
on(stage, "pointerup pointercancel", (event) => {
  if (!corner) return;
  const square = boxes && squareTo(event);
  corner = null;
  if (!square || square[2] < 16) return toast("Draw the square larger: from one corner of the head to the other.");
  useSquare(square);
});

// A face that was not found, or the wrong one: one draws the square, and can go back to those found.
on("#mark-face", "click", () => {
  if (boxes.marked) return chooseFace(0);
  const [width, height] = boxes.size, side = Math.min(width, height) / 2;
  boxes = { ...boxes, marked: true };
  showSquare([(width - side) / 2, (height - side) / 2, side]);
  $("#setup-text").textContent = MARKING;
  $("#mark-face").textContent = "Back to the faces that were found";
  $("#boxes button").focus();
});
const MARKING = "Drag a square over the whole head, or move this one with the arrow keys.";
