// The head of the page, the timeline, and a card for each face and for each place that was left open.
byId("summary").textContent = data.summary;
byId("command").textContent = data.command;
{
  const notice = byId("notice");
  if (data.uncovered) {
    notice.classList.add("secret");
    notice.append("This page holds uncovered faces. It is as secret as the input: keep it with the original, and do not release it.");
  } else {
    notice.append("Images here show what the output shows, no more. The page still tells where in the original there are faces, and when: keep it with the original.");
  }
}

const percent = (seconds) => `${(100 * (seconds - data.begin)) / data.seconds}%`;

function bar(name, spans, marks = []) {
  const row = element("div", {className: "bar", title: "show this moment below"});
  for (const [start, end, kind, text] of [...spans, ...marks]) {
    const span = element("i", {className: kind.replace(" ", "-"), title: text});
    span.style.left = percent(start);
    span.style.width = `${(100 * (end - start)) / data.seconds}%`;
    row.append(span);
  }
  const hand = element("b");
  row.append(hand);
  row.onclick = (event) => {
    const box = row.getBoundingClientRect();
    showMoment(data.begin + ((event.clientX - box.left) / box.width) * data.seconds);
  };
  byId("timeline").append(element("div", {className: "name"}, name), row);
  hands.push(hand);
}

const hands = [];
if (data.still) {
  byId("when").parentElement.hidden = true;
} else {
  for (const track of data.tracks) {
    const link = element("a", {href: `#face-${track.track}`}, `Face ${track.track}`);
    const open = track.uncovered.map(({first, last, reason}) => [first, last, "uncovered", `${reason}: not covered`]);
    bar(link, track.runs.map(([start, end, source]) => [start, end, source, `${SOURCES[source]}, ${clock(start)} to ${clock(end)}`]), open);
  }
  bar("Left open", data.candidates.map(({first, last, score}) => [first, last, "left-open", `${score.toFixed(2)}, ${clock(first)}`]));
  bar("Nothing found", data.nothing.map(([start, end]) => [start, end, "nothing", `no face from ${clock(start)} to ${clock(end)}`]));
  if (data.unexamined.length) bar("Not examined", data.unexamined.map(([start, end]) => [start, end, "held", `covered as a whole, ${clock(start)}`]));
  const clocks = element("div", {className: "clocks", "aria-hidden": "true"});
  for (let part = 0; part <= 4; part++) {
    const mark = element("span", {}, clock(data.begin + (data.seconds * part) / 4));
    mark.style.left = `${25 * part}%`;
    clocks.append(mark);
  }
  byId("timeline").append(element("div"), clocks);
  for (const [source, text] of [...Object.entries(SOURCES), ["left open", "left open"], ["nothing", "no face found"]]) {
    byId("legend").append(element("li", {}, element("i", {className: source.replace(" ", "-")}), text));
  }
}

function thumbnail(image, caption) {
  return element("figure", {}, element("img", {src: image, alt: caption, loading: "lazy"}), element("figcaption", {}, caption));
}

function timeInput(label, choice, name) {
  const input = element("input", {type: "text", "aria-label": label, placeholder: name, inputMode: "decimal"});
  if (choice && choice[name] !== null) input.value = choice[name];
  return input;
}

function faceCard(track) {
  const choice = state.tracks.get(track.track), number = track.track;
  const card = element("article", {className: "card", id: `face-${number}`});
  const facts = [data.still ? "" : `${clock(track.first)} to ${clock(track.last)}`];
  if (track.weakest) facts.push(`weakest ${track.weakest.score.toFixed(2)}${data.still ? "" : ` at ${clock(track.weakest.seconds)}`}`);
  if (track.unfound) facts.push(`longest without a find ${track.unfound.toFixed(1)} s`);
  facts.push(`up to ${track.side} px`);
  card.append(element("h3", {}, `Face ${number}`), element("p", {className: "faint"}, facts.filter(Boolean).join(", ")));
  const thumbs = element("div", {className: "thumbs"});
  for (const {caption, image, original} of track.thumbs) {
    if (original) thumbs.append(thumbnail(original, `${caption}, as it was`));
    thumbs.append(thumbnail(image, caption));
  }
  const choices = element("div", {className: "choices", role: "group", "aria-label": `Face ${number}`});
  const start = timeInput(`face ${number}: from`, choice.drop || choice.keep, "start"), end = timeInput(`face ${number}: to`, choice.drop || choice.keep, "end");
  const range = element("div", {className: "range"}, "only from ", start, " to ", end, " s");
  const boxes = {};
  for (const [kind, text] of [["drop", "not a face: drop its cover"], ["keep", "show this face"], ["only", "cover only this"]]) {
    boxes[kind] = element("input", {type: "checkbox", name: kind, checked: Boolean(choice[kind])});
    choices.append(element("label", {}, boxes[kind], ` ${text}`));
  }
  const read = (other) => {
    if (other) boxes[other].checked = false;
    const times = {}, used = boxes.drop.checked || boxes.keep.checked;
    for (const [name, input] of [["start", start], ["end", end]]) {
      times[name] = readTime(input.value);
      input.setAttribute("aria-invalid", String(used && Number.isNaN(times[name])));
      if (Number.isNaN(times[name])) times[name] = null;
    }
    const isAlways = used && times.start === null && times.end === null;
    boxes.only.setAttribute("aria-invalid", String(boxes.only.checked && isAlways));
    for (const kind of ["drop", "keep"]) choice[kind] = boxes[kind].checked && times;
    choice.only = boxes.only.checked;
    changed();
  };
  boxes.drop.onchange = () => read("keep");
  boxes.keep.onchange = () => read("drop");
  boxes.only.onchange = start.oninput = end.oninput = () => read();
  listeners.push(() => {
    range.hidden = data.still || !(choice.drop || choice.keep);
    card.classList.toggle("changed", Boolean(choice.drop || choice.keep || choice.only));
  });
  card.append(thumbs, choices, range);
  return card;
}

for (const track of data.tracks) byId("faces").append(faceCard(track));
if (!data.tracks.length) byId("faces").append(element("p", {}, "None: nothing was covered. Look at the frames below, and add what is missing."));

function candidateCard(candidate, index) {
  const box = element("input", {type: "checkbox", name: "cover"});
  const when = data.still ? "" : candidate.first === candidate.last ? ` at ${clock(candidate.first)}` : ` from ${clock(candidate.first)} to ${clock(candidate.last)}`;
  const label = element("label", {}, box, ` a face: cover this place${when}`);
  const facts = `score ${candidate.score.toFixed(2)}${data.still ? "" : ` at ${clock(candidate.seconds)}`}, ${Math.round(candidate.box[3] - candidate.box[1])} px`;
  const card = element("article", {className: "card"}, element("p", {className: "faint"}, facts));
  if (candidate.image) card.append(element("div", {className: "thumbs"}, thumbnail(candidate.image, data.still ? "left open" : clock(candidate.seconds))));
  card.append(label);
  box.onchange = () => {
    if (box.checked) state.opened.add(index);
    else state.opened.delete(index);
    card.classList.toggle("changed", box.checked);
    changed();
  };
  return card;
}

byId("left-open").append(...data.candidates.map(candidateCard));
if (!data.candidates.length) byId("left-open").append(element("p", {}, "Nothing."));
