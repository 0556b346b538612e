// The pictures of the player: one pane for all tracks, or one for each source side by side.
"use strict";

(() => {
  const { masks, element, frameAddress, keyOf, dataset } = window.seqformer;

  class Pane {
    /** A pane of some sources; `onSelect` is called with the key of the track that is clicked, or null. */
    constructor(sources, data, onSelect) {
      this.sources = sources;
      this.data = data;
      this.image = element("img", { alt: "", decoding: "async" });
      this.image.addEventListener("error", () => (this.image.hidden = true));
      this.canvas = element("canvas", { width: data.width, height: data.height });
      this.note = element("p", { class: "no-frame" }, "no picture of this frame");
      // Labels are as sharp as the screen, masks as their pixels.
      this.labels = element("canvas", { class: "labels", "aria-hidden": "true" });
      const style = `--ratio:${data.width / data.height}`;
      this.stage = element("div", { class: "stage", style }, this.image, this.note, this.canvas, this.labels);
      const names = sources.map((source) => dataset.sources[source].name).join(" over ");
      this.root = element("figure", { class: "pane" }, this.stage, element("figcaption", null, names));
      this.canvas.addEventListener("click", (event) => onSelect(this.trackAt(event)));
      this.painter = new masks.Painter(data.width, data.height);
      this.shown = [];
    }

    /** Returns the key of the uppermost track under the pointer, results before annotations. */
    trackAt(event) {
      const area = this.canvas.getBoundingClientRect();
      const x = Math.floor(((event.clientX - area.left) / area.width) * this.data.width);
      const y = Math.floor(((event.clientY - area.top) / area.height) * this.data.height);
      const hit = [...this.shown].reverse().sort((a, b) => b.source - a.source).find((track) => {
        const runs = masks.runs(track, this.frame);
        return runs && masks.contains(runs, this.data.height, x, y);
      });
      return hit ? keyOf(hit) : null;
    }

    showPicture(frame) {
      const address = frameAddress(this.data, frame);
      this.note.hidden = !dataset.base || Boolean(address);
      this.image.hidden = !address;
      if (address && this.image.getAttribute("src") !== address) this.image.src = address;
    }

    /** Draws tracks, the last one on top. */
    draw(frame, tracks, state, colorOf) {
      this.frame = frame;
      this.showPicture(frame);
      const { data, painter } = this;
      this.shown = tracks.filter((track) => this.sources.includes(track.source) && track.masks[frame]);
      painter.clear();
      // Lines are equally wide on the screen for all sizes of videos, if their pixels allow it.
      const line = Math.max(1, Math.round((1.6 * data.width) / (this.stage.clientWidth || data.width)));
      const mixed = this.sources.length > 1;
      const labels = [];
      for (const track of this.shown) {
        const key = keyOf(track);
        const isTruth = track.source === 0;
        const faded = state.selected !== null && state.selected !== key;
        const style = {
          color: colorOf(track),
          opacity: mixed && isTruth ? 0 : state.opacity * (faded ? 0.35 : 1),
          line: state.selected === key ? 2 * line : line,
          dashed: mixed && isTruth,
        };
        const box = painter.draw(masks.runs(track, frame), style);
        if (state.labels && (!mixed || !isTruth || state.selected === key) && !faded) labels.push([track, box, style.color]);
      }
      this.canvas.getContext("2d").putImageData(painter.image, 0, 0);
      this.drawLabels(labels);
    }

    drawLabels(labels) {
      const sharpness = window.devicePixelRatio || 1;
      this.labels.width = this.stage.clientWidth * sharpness;
      this.labels.height = this.stage.clientHeight * sharpness;
      const context = this.labels.getContext("2d");
      context.scale(sharpness, sharpness);
      const size = 12;
      context.font = `600 ${size}px system-ui, sans-serif`;
      labels.forEach(([track, box, color]) => this.label(context, track, box, color, size));
    }

    label(context, track, box, color, size) {
      const scale = this.stage.clientWidth / this.data.width;
      const score = track.score === null ? "" : ` ${track.score.toFixed(2)}`;
      const text = dataset.classes[track.class] + score;
      const width = context.measureText(text).width + 0.8 * size;
      const height = 1.5 * size;
      const x = Math.max(0, Math.min(box.left * scale, this.stage.clientWidth - width));
      const y = Math.max(0, box.top * scale - height);
      context.fillStyle = masks.css(color);
      context.fillRect(x, y, width, height);
      const [r, g, b] = color;
      context.fillStyle = 0.3 * r + 0.59 * g + 0.11 * b > 150 ? "#10151c" : "#ffffff";
      context.fillText(text, x + 0.4 * size, y + 1.08 * size);
    }
  }

  window.seqformer.Pane = Pane;
})();
