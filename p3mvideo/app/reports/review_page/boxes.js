// Frames to look at, and a tool to draw boxes on them: a face that was missed is added by a box at one moment, or at two and more.
const stage = byId("stage"), slider = byId("moment");
const ROUNDED_SECONDS = 0.0015; // how far containers move the times of frames
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
let current = 0; // which addition is being drawn
let shown = 0; // which of the frames is shown
let exact = null; // or which moment of the output, in seconds
const mistyped = new WeakMap(); // addition -> what was written for its end and is no time

byId("how").textContent =
  "White outlines are covers, dashed ones were left open. To add a face that is missing, draw a box from the middle of its forehead to its chin" +
  (data.still ? "." : "; go to another frame and draw it there too: between two boxes the cover moves from one to the other.") +
  " With the keyboard: Enter puts a box, arrow keys move it, Shift and arrow keys resize it, Delete removes it.";
slider.max = data.frames.length - 1;
const stageImage = element("img", {alt: "", draggable: false});
const video = element("video", {muted: true, preload: "metadata", hidden: true});
stage.append(stageImage, video);

const round = (value) => Math.round(value * 10) / 10;
const name = (index) => `Face ${LETTERS[index % 26]}${index >= 26 ? Math.floor(index / 26) : ""}`;
const moment = () => exact ?? data.frames[shown].seconds;

function boxAt(addition, seconds) {
  const boxes = addition.boxes;
  if (!boxes.length || addition.follow) return null;
  const last = boxes[boxes.length - 1];
  if (seconds > last.seconds) return addition.end !== undefined && seconds <= addition.end ? last.box : null;
  return boxBetween(boxes, seconds);
}

function place(target, x0, y0, x1, y1) {
  Object.assign(target.style, {
    left: `${(100 * x0) / data.width}%`, top: `${(100 * y0) / data.height}%`,
    width: `${(100 * (x1 - x0)) / data.width}%`, height: `${(100 * (y1 - y0)) / data.height}%`,
  });
  return target;
}

function draw() {
  const frame = data.frames[shown], seconds = moment();
  stageImage.hidden = exact !== null;
  video.hidden = exact === null;
  if (stageImage.src !== frame.image) stageImage.src = frame.image;
  stageImage.alt = data.still ? "the image" : `the frame at ${clock(frame.seconds)}`;
  for (const old of stage.querySelectorAll("div")) old.remove();
  for (const [track, x, y, across, down, lean] of exact === null ? frame.covers : []) {
    const outline = place(element("div", {className: "outline"}), x - across, y - down, x + across, y + down);
    outline.style.transform = `rotate(${lean}deg)`;
    const tag = place(element("div", {className: "tag"}, String(track)), x, y - down, x, y);
    tag.style.width = tag.style.height = "auto";
    stage.append(outline, tag);
  }
  for (const {first, last, box} of data.candidates) {
    if (first <= seconds && seconds <= last) stage.append(place(element("div", {className: "outline open"}), ...box));
  }
  state.additions.forEach((addition, index) => {
    const drawn = addition.boxes.find((entry) => entry.seconds === seconds), box = drawn ? drawn.box : boxAt(addition, seconds);
    if (box) stage.append(place(element("div", {className: drawn ? "drawn" : "drawn between", title: name(index)}), ...box));
  });
  const which = exact === null ? `frame ${shown + 1} of the ${data.frames.length} in this page` : "of the output";
  byId("clock").textContent = data.still ? "" : `${clock(seconds)}, ${which}`;
  byId("drawing").textContent = `Drawing ${name(current)}.`;
  for (const hand of hands) hand.style.left = percent(seconds);
}

function show(index) {
  video.pause();
  exact = null;
  shown = Math.min(Math.max(index, 0), data.frames.length - 1);
  slider.value = shown;
  byId("previous").disabled = shown === 0;
  byId("next").disabled = shown === data.frames.length - 1;
  draw();
}

// Show a moment of the output where it can be played, else the nearest frame of the page.
function showMoment(seconds) {
  const distances = data.frames.map((frame) => Math.abs(frame.seconds - seconds)), nearest = distances.indexOf(Math.min(...distances));
  if (distances[nearest] && !byId("player").hidden) showExact(seconds);
  else show(nearest);
  stage.scrollIntoView({block: "nearest"});
}

// Frame `number` of the output begins then; `data.times` tells it where frames do not come evenly.
const begins = (number) => (data.times ? (data.times[number] ?? data.begin + data.seconds) : data.begin + number * data.step);
const count = data.times ? data.times.length : Math.round(data.seconds / data.step);

// Return the number of the frame that is seen at a moment, or begins a little later: moments are rounded.
function numberAt(seconds) {
  let [low, high] = [0, count];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (begins(middle) <= seconds + ROUNDED_SECONDS) low = middle;
    else high = middle;
  }
  return low;
}

// The output lies beside the page; its clock begins at `data.origin`. Where it cannot be played, the frames of the page must do.
function showNumber(wanted) {
  video.pause();
  const number = Math.min(Math.max(wanted, 0), count - 1);
  exact = Math.round(begins(number) * 1e6) / 1e6;
  video.currentTime = (begins(number) + begins(number + 1)) / 2 - data.origin;
  byId("exact").value = exact;
  draw();
}
const showExact = (seconds) => showNumber(numberAt(seconds));

// Show the frame at which the output has arrived, and stay there.
function settle() {
  showExact(data.origin + video.currentTime - ROUNDED_SECONDS);
}

// What is drawn belongs to one moment.
function stopToDraw() {
  if (!video.paused) settle();
}

if (data.video) {
  video.onloadedmetadata = () => {
    if (video.videoWidth) Object.assign(byId("exact"), {min: data.begin, max: data.begin + data.seconds, step: "any", value: moment()});
    byId("player").hidden = !video.videoWidth;
  };
  video.onpause = () => {
    byId("play").textContent = "Play the output";
    if (exact !== null) settle();
  };
  video.ontimeupdate = () => {
    if (video.paused) return;
    exact = data.origin + video.currentTime;
    byId("exact").value = exact;
    draw();
  };
  byId("play").onclick = () => {
    if (!video.paused) return video.pause();
    exact = moment();
    video.currentTime = exact - data.origin;
    byId("play").textContent = "Pause";
    draw();
    return video.play();
  };
  byId("exact").oninput = () => showExact(Number(byId("exact").value));
  byId("back").onclick = () => showNumber(numberAt(moment()) - 1);
  byId("on").onclick = () => showNumber(numberAt(moment()) + 1);
  video.src = data.video;
}

function setBox(box) {
  const addition = (state.additions[current] ??= {boxes: []});
  const [x0, y0, x1, y1] = box;
  addBox(addition, {seconds: moment(), box: [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(round)});
  changed();
}

function removeBox() {
  const addition = state.additions[current];
  if (!addition) return;
  addition.boxes = addition.boxes.filter((entry) => entry.seconds !== moment());
  changed();
}

stage.addEventListener("pointerdown", stopToDraw);
drawBoxes(stage, () => [data.width, data.height], setBox);
stage.onkeydown = (event) => {
  const side = data.height / 5, step = data.width / 100;
  const found = state.additions[current]?.boxes.find((entry) => entry.seconds === moment());
  const box = found ? found.box : null;
  const moves = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]}[event.key];
  if (event.key === "Enter") {
    stopToDraw();
    const known = state.additions[current] && boxAt(state.additions[current], moment());
    setBox(known ?? [(data.width - side) / 2, (data.height - side) / 2, (data.width + side) / 2, (data.height + side) / 2]);
  } else if (event.key === "Delete" || event.key === "Backspace") removeBox();
  else if (moves && box && event.shiftKey) setBox([box[0], box[1], Math.max(box[0] + LEAST_PX, box[2] + moves[0]), Math.max(box[1] + LEAST_PX, box[3] + moves[1])]);
  else if (moves && box) setBox(box.map((value, i) => value + moves[i % 2]));
  else return;
  event.preventDefault();
};

function additionRow(addition, index) {
  const at = addition.boxes.map((entry) => clock(entry.seconds)).join(", ");
  const row = element("li", {}, element("strong", {}, name(index)), data.still ? "" : `at ${at}`);
  if (!data.still && addition.boxes.length === 1) {
    const follow = element("input", {type: "checkbox", checked: Boolean(addition.follow)});
    follow.onchange = () => {
      if (follow.checked) addition.follow = true;
      else delete addition.follow;
      changed();
    };
    row.append(element("label", {}, follow, " follow it from there"));
  }
  if (!data.still) {
    const end = element("input", {type: "text", "aria-label": `${name(index)}: until`, value: mistyped.get(addition) ?? addition.end ?? ""});
    const isEarly = addition.end !== undefined && addition.end < addition.boxes[addition.boxes.length - 1].seconds;
    end.setAttribute("aria-invalid", String(mistyped.has(addition) || isEarly));
    end.onchange = () => {
      const time = readTime(end.value);
      mistyped.delete(addition);
      if (Number.isNaN(time)) mistyped.set(addition, end.value);
      else if (time === null) delete addition.end;
      else addition.end = time;
      changed();
    };
    row.append(element("label", {}, "until ", end, " s"));
  }
  const select = element("button", {type: "button", disabled: index === current}, "Draw");
  select.onclick = () => {
    current = index;
    showMoment(addition.boxes[0].seconds);
    changed();
  };
  const remove = element("button", {type: "button", "aria-label": `remove ${name(index)}`}, "Remove");
  remove.onclick = () => {
    state.additions.splice(index, 1);
    current = state.additions.length;
    changed();
  };
  row.append(select, remove);
  return row;
}

listeners.push(() => {
  byId("boxes").replaceChildren(...state.additions.flatMap((addition, index) => (addition.boxes.length ? [additionRow(addition, index)] : [])));
  draw();
});
current = state.additions.length;
byId("new-box").onclick = () => {
  state.additions = state.additions.filter((addition) => addition.boxes.length);
  current = state.additions.length;
  changed();
  stage.focus();
};
byId("previous").onclick = () => show(shown - 1);
byId("next").onclick = () => show(shown + 1);
slider.oninput = () => show(Number(slider.value));
for (const part of [byId("previous"), byId("next"), slider]) part.hidden = data.frames.length < 2;
show(0);
changed();
