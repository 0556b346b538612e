// Masks from run lengths to pixels, and their colours.
"use strict";

(() => {
  const PALETTE = [
    [78, 121, 245], [242, 142, 43], [31, 164, 138], [228, 86, 139], [148, 103, 224], [201, 160, 0],
    [23, 163, 196], [213, 85, 63], [106, 168, 79], [160, 114, 79], [92, 107, 192], [239, 143, 176],
  ];
  const OUTCOMES = {
    right: [31, 164, 98], found: [31, 164, 98], missed: [214, 51, 64], ignored: [128, 136, 148],
    class: [228, 120, 20], localisation: [201, 160, 0], both: [176, 98, 30], duplicate: [148, 103, 224],
    background: [224, 70, 110], switch: [200, 40, 170], fragment: [23, 163, 196], merge: [78, 121, 245],
  };

  /** Runs of texts that were decoded before; masks are drawn again and again. */
  const decoded = new WeakMap();

  /** Decodes COCO's text form: lengths of runs, column by column, clear pixels first. */
  function runsOf(text) {
    const runs = [];
    let at = 0;
    while (at < text.length) {
      let value = 0;
      let scale = 1;
      let group;
      do {
        group = text.charCodeAt(at++) - 48;
        value += (group & 31) * scale;
        scale *= 32;
      } while (group & 32 && at < text.length);
      if (group & 16) value -= scale;
      if (runs.length > 2) value += runs[runs.length - 2];
      runs.push(value);
    }
    return runs;
  }

  /** Returns the runs of a track in a frame, or nothing. */
  function runs(track, frame) {
    const text = track.masks[frame];
    if (!text) return null;
    let frames = decoded.get(track);
    if (!frames) decoded.set(track, (frames = new Map()));
    let found = frames.get(frame);
    if (!found) frames.set(frame, (found = runsOf(text)));
    return found;
  }

  /** Says whether a pixel is in a mask. */
  function contains(runs, height, x, y) {
    let left = x * height + y;
    for (let at = 0; at < runs.length; at++) {
      if (left < runs[at]) return at % 2 === 1;
      left -= runs[at];
    }
    return false;
  }

  /** Draws masks into an image of one size, each with its box for labels. */
  class Painter {
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.mask = new Uint8Array(width * height);
    }

    clear() {
      this.pixels.fill(0);
    }

    /** Sets the pixels of a mask, and returns the box around them. */
    fill(runs) {
      const { width, height, mask } = this;
      let [left, top, right, bottom] = [width, height, -1, -1];
      let position = 0;
      for (let at = 0; at < runs.length; at++) {
        const end = Math.min(position + runs[at], width * height);
        if (at % 2 === 1 && end > position) {
          let x = Math.floor(position / height);
          let y = position - x * height;
          left = Math.min(left, x);
          for (let p = position; p < end; p++) {
            mask[y * width + x] = 1;
            if (y < top) top = y;
            if (y > bottom) bottom = y;
            right = x;
            if (++y === height) {
              y = 0;
              x++;
            }
          }
        }
        position = end;
      }
      return { left, top, right, bottom };
    }

    /**
     * Draws a mask.
     * `style` has `color`, the `opacity` of the inside, the `line` in pixels, and whether it is `dashed`, with white
     * in between.
     */
    draw(runs, style) {
      const { width, height, mask, pixels } = this;
      const box = this.fill(runs);
      const [r, g, b] = style.color;
      const solid = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
      const inside = ((Math.round(255 * style.opacity) << 24) | (b << 16) | (g << 8) | r) >>> 0;
      const reach = style.line;
      const dash = 4 * reach;
      for (let y = box.top; y <= box.bottom; y++) {
        for (let x = box.left; x <= box.right; x++) {
          const at = y * width + x;
          if (!mask[at]) continue;
          const isEdge =
            reach > 0 &&
            (x < reach || y < reach || x >= width - reach || y >= height - reach ||
              !mask[at - reach] || !mask[at + reach] || !mask[at - reach * width] || !mask[at + reach * width]);
          if (isEdge) pixels[at] = style.dashed && (x + y) % (2 * dash) < dash ? 0xffffffff : solid;
          else if (style.opacity > 0) pixels[at] = inside;
        }
      }
      for (let y = box.top; y <= box.bottom; y++) {
        mask.fill(0, y * width + box.left, y * width + box.right + 1);
      }
      return box;
    }
  }

  /** Gives every track of a video the colour of the object that it follows most, or one of its own. */
  function trackColors(data) {
    const colors = new Map();
    let next = 0;
    const own = () => PALETTE[next++ % PALETTE.length];
    const objects = data.tracks.filter((track) => track.source === 0);
    objects.forEach((object) => colors.set(object, own()));
    for (const track of data.tracks) {
      if (track.source === 0) continue;
      const counts = new Map();
      for (const place of track.follows) if (place >= 0) counts.set(place, (counts.get(place) ?? 0) + 1);
      const most = [...counts].sort((a, b) => b[1] - a[1])[0];
      colors.set(track, most ? colors.get(objects[most[0]]) : own());
    }
    return colors;
  }

  window.seqformer.masks = {
    Painter,
    runs,
    contains,
    trackColors,
    classColor: (place) => PALETTE[place % PALETTE.length],
    outcomeColor: (name) => OUTCOMES[name] ?? OUTCOMES.ignored,
    css: ([r, g, b]) => `rgb(${r} ${g} ${b})`,
  };
})();
