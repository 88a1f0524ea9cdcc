// Corrections by hand as `--edits` reads them, and the boxes that are drawn for them. The review page holds this script, and the studio imports it.

export const LEAST_PX = 3;

// The box at a moment by those around it, linear between two; null outside of them. `key` names the moment of an entry { [key], box }.
export function boxBetween(entries, moment, key = "seconds") {
  const index = entries.findIndex((entry) => entry[key] >= moment), after = entries[index], before = entries[index - 1];
  if (after?.[key] === moment) return after.box;
  if (!before) return null;
  const share = (moment - before[key]) / (after[key] - before[key]);
  return before.box.map((value, side) => value + share * (after.box[side] - value));
}

// Adds a box to a face that was missed: one for each moment, in order. With several, it is not followed any more.
export function addBox(addition, entry) {
  addition.boxes = [...addition.boxes.filter((other) => other.seconds !== entry.seconds), entry].sort((a, b) => a.seconds - b.seconds);
  if (addition.boxes.length > 1) delete addition.follow;
}

// The edits of a plan; lists without entries are left out.
export function editsOf(planId, lists) {
  return { format: "p3mvideo edits", version: 1, plan_id: planId, ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length)) };
}

export function saveEdits(edits, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(edits, null, 2)}\n`], { type: "application/json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Where a pointer is, in pixels of a frame that fills a part of the page.
export function pixelsAt(event, part, width, height) {
  const area = part.getBoundingClientRect();
  const inside = (value, length, whole) => Math.min(Math.max(value / length, 0), 1) * whole;
  return [inside(event.clientX - area.left, area.width, width), inside(event.clientY - area.top, area.height, height)];
}

// Lets boxes be drawn on a part of the page. `size` returns width and height of its frame in pixels, or null while none can be drawn.
export function drawBoxes(part, size, onBox) {
  let start = null;
  part.addEventListener("pointerdown", (event) => {
    if (!size()) return;
    start = pixelsAt(event, part, ...size());
    part.setPointerCapture(event.pointerId);
  });
  part.addEventListener("pointermove", (event) => {
    if (!start || !size()) return;
    const [x, y] = pixelsAt(event, part, ...size()), box = [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
    if (box[2] - box[0] >= LEAST_PX && box[3] - box[1] >= LEAST_PX) onBox(box);
  });
  for (const end of ["pointerup", "pointercancel"]) part.addEventListener(end, () => { start = null; });
}
