// The form of all options of a job, made from what the program says of them.

import { element } from "./elements.js";

// Fields that have a place of their own in the page.
const ELSEWHERE = new Set(["background", "anonymize", "keep_subject", "select", "reject"]);

export class Form {
  // `files` returns those of the page that an option may name.
  constructor(place, files, onChange) {
    this.place = place;
    this.files = files;
    this.onChange = onChange;
    this.values = {};
    place.addEventListener("submit", (event) => event.preventDefault());
  }

  show(groups) {
    this.groups = groups;
    for (const group of groups) this.values[group.name] ??= {};
    this.place.replaceChildren(...groups.map((group) => this.fieldset(group)).filter(Boolean));
  }

  set(group, field, value) {
    this.values[group] ??= {};
    if (value === "" || value === null) delete this.values[group][field];
    else this.values[group][field] = value;
    this.onChange();
  }

  fieldset(group) {
    const fields = group.fields.filter((field) => !ELSEWHERE.has(field.name));
    if (!fields.length) return null;
    return element("fieldset", {}, element("legend", { text: group.title }), ...fields.map((field) => this.field(group, field)));
  }

  field(group, field) {
    const chosen = this.values[group.name][field.name];
    const unset = field.unset ?? (field.default === null ? "" : String(field.default));
    let input;
    const take = (value) => this.set(group.name, field.name, value);
    if (field.kind === "switch") {
      input = element("input", { type: "checkbox", onchange: (event) => take(event.target.checked === field.default ? null : event.target.checked) });
      input.checked = chosen ?? field.default;
    } else if (field.kind === "choice") {
      input = element("select", { onchange: (event) => take(event.target.value === String(field.default) ? null : event.target.value) });
      if (field.default === null) input.append(element("option", { value: "", text: "default" }));
      input.append(...field.choices.map((choice) => element("option", { value: choice, text: choice })));
      input.value = chosen ?? field.default ?? "";
    } else if (field.kind === "integer" || field.kind === "number") {
      input = element("input", {
        type: "number", min: field.minimum, max: field.maximum, step: field.kind === "integer" ? 1 : "any", placeholder: unset,
        onchange: (event) => take(event.target.value === "" ? null : Number(event.target.value)),
      });
      input.value = chosen ?? "";
    } else if (field.kind === "mask") {
      input = element("select", { onchange: (event) => take(event.target.value) }, element("option", { value: "", text: "none" }),
        ...this.files().map((file) => element("option", { value: `file:${file.id}`, text: file.name })));
      input.value = chosen ?? "";
    } else {
      input = element("input", { type: "text", placeholder: unset, onchange: (event) => take(event.target.value.trim()) });
      input.value = chosen ?? "";
    }
    input.id = `option-${group.name}-${field.name}`;
    return element("label", { for: input.id }, element("span", { text: field.label }), input, element("small", { text: field.help }));
  }
}
