// Named sets of options: some come with the program, others are the user's own.

import * as api from "./api.js";
import { byId, element } from "./elements.js";

export class PresetList {
  // `now` returns what would be kept, `onTake` is given what was chosen.
  constructor({ now, onTake, onError, onSaved }) {
    Object.assign(this, { now, onTake, onError, onSaved, presets: [] });
    byId("preset").addEventListener("change", () => this.take());
    byId("preset-form").addEventListener("submit", (event) => { event.preventDefault(); this.save(); });
    byId("preset-remove").addEventListener("click", () => this.remove());
  }

  async load(chosen = "") {
    this.presets = await api.presets();
    this.draw(chosen);
  }

  draw(chosen = "") {
    const { kind } = this.now(), list = byId("preset");
    const of = (shipped) => this.presets.filter((preset) => preset.kind === kind && preset.shipped === shipped).map((preset) => element("option", { value: preset.name, text: preset.name }));
    const own = of(false);
    list.replaceChildren(element("option", { value: "", text: "none" }), ...of(true), ...(own.length ? [element("optgroup", { label: "Your own" }, ...own)] : []));
    list.value = chosen;
    byId("preset-remove").hidden = !this.chosen || this.chosen.shipped;
  }

  get chosen() { return this.presets.find((preset) => preset.name === byId("preset").value) ?? null; }

  take() {
    byId("preset-remove").hidden = !this.chosen || this.chosen.shipped;
    if (this.chosen) this.onTake(this.chosen);
  }

  async save() {
    try {
      const preset = await api.savePreset({ name: byId("preset-name").value, ...this.now() });
      byId("preset-name").value = "";
      await this.load(preset.name);
      this.onSaved(preset);
    } catch (error) { this.onError(error); }
  }

  async remove() {
    try {
      await api.removePreset(this.chosen.name);
      await this.load();
      byId("preset").focus();
    } catch (error) { this.onError(error); }
  }
}
