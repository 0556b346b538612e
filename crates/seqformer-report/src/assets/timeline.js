// One line for each track: where it is seen, out of sight, and where it changes its object.
"use strict";

(() => {
  const { masks, element, keyOf, dataset } = window.seqformer;
  const SVG = "http://www.w3.org/2000/svg";

  /** Splits frames into stretches of one value and partner. */
  function stretches(length, valueOf, partnerOf) {
    const found = [];
    for (let frame = 0; frame < length; frame++) {
      const [value, partner] = [valueOf(frame), partnerOf[frame] ?? null];
      const last = found[found.length - 1];
      if (last && last.value === value && last.partner === partner) last.end = frame + 1;
      else found.push({ value, partner, start: frame, end: frame + 1 });
    }
    return found;
  }

  /**
   * Says for each frame who is on the other side: of a result, the annotation that it lies on; of an
   * annotation, the result that goes on with it, or else the best of those that lie on it.
   */
  function partners(track, data, results) {
    if (track.source > 0) return track.follows.map((place) => (place < 0 ? null : place));
    const place = data.tracks.indexOf(track);
    let current = null;
    return track.masks.map((mask, frame) => {
      if (!mask) return null;
      const on = results.filter((result) => result.follows[frame] === place);
      if (!on.includes(current)) {
        const best = on.sort((a, b) => b.iou[frame] - a.iou[frame])[0];
        if (!best) return null;
        current = best;
      }
      return current.label;
    });
  }

  /** Returns the frames in which a track changes its partner. */
  function switches(partnerOf) {
    const found = [];
    let last = null;
    partnerOf.forEach((partner, frame) => {
      if (partner === null) return;
      if (last !== null && partner !== last) found.push(frame);
      last = partner;
    });
    return found;
  }

  /** Says what a track is in each frame. */
  function analyse(track, data, results) {
    const seen = track.masks.map(Boolean);
    const first = seen.indexOf(true);
    const last = seen.lastIndexOf(true);
    const partnerOf = partners(track, data, results);
    const state = (frame) => {
      if (seen[frame]) return partnerOf[frame] === null || partnerOf[frame] === undefined ? "alone" : "matched";
      return frame > first && frame < last ? "occluded" : "absent";
    };
    return {
      first: Math.max(first, 0),
      stretches: stretches(data.length, state, partnerOf).filter(({ value }) => value !== "absent"),
      switches: switches(partnerOf),
    };
  }

  function describe({ stretches, switches }) {
    const range = ({ start, end }) => (end - start === 1 ? `${start}` : `${start} to ${end - 1}`);
    const of = (...values) => stretches.filter(({ value }) => values.includes(value)).map(range).join(", ");
    const parts = [`in frames ${of("matched", "alone") || "none"}`];
    if (of("occluded")) parts.push(`out of sight ${of("occluded")}`);
    if (switches.length) parts.push(`switches at ${switches.join(", ")}`);
    return parts.join("; ");
  }

  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  /** Draws the stretches; `fillOf` is their colour. */
  function strip(analysed, length, fillOf) {
    const svg = shape("svg", {
      class: "strip", viewBox: `0 0 ${length} 10`, preserveAspectRatio: "none", role: "img", "aria-label": describe(analysed),
    });
    for (const stretch of analysed.stretches) {
      const { value, start, end } = stretch;
      const thin = value === "occluded";
      const box = { x: start, width: end - start, y: thin ? 4.2 : 1, height: thin ? 1.6 : 8 };
      svg.append(shape("rect", { ...box, class: value, fill: fillOf(stretch) }));
    }
    for (const frame of analysed.switches) {
      svg.append(shape("line", { x1: frame, x2: frame, y1: 0, y2: 10, class: "switch-mark" }));
    }
    return svg;
  }

  /** Fills a timeline with rows; `actions` are called when a row is used. */
  function build(list, data, tracks, state, actions) {
    const results = tracks.filter((track) => track.source === state.comparedSource);
    const events = new Map();
    const rows = tracks.map((track) => {
      const others = track.source === 0 ? results : [];
      const analysed = analyse(track, data, others);
      events.set(track, analysed);
      const key = keyOf(track);
      const name = dataset.classes[track.class];
      const score = track.score === null ? `#${track.label}` : track.score.toFixed(2);
      const outcome = track.source === 0 ? track.outcomes[Math.max(state.comparedSource, 1) - 1] : track.outcomes[0];
      const box = element("input", {
        type: "checkbox", checked: !state.off.has(key), "aria-label": `show ${dataset.sources[track.source].name} ${name} ${score}`,
        onchange: (event) => actions.toggle(key, event.target.checked),
      });
      const color = masks.css(actions.colorOf(track));
      const button = element(
        "button",
        { type: "button", class: "track-name", "aria-pressed": String(state.selected === key), onclick: () => actions.select(key) },
        element("span", { class: "swatch", style: `background:${color}` }),
        element("span", { class: "class" }, name),
        element("span", { class: "score" }, score),
        outcome ? element("span", { class: `badge ${outcome}` }, outcome) : null,
      );
      // Where a result lies on an object it has its colour, so that a switch changes it.
      const fillOf = ({ partner }) =>
        track.source > 0 && partner !== null ? masks.css(actions.colorOf(data.tracks[partner])) : color;
      const seekable = element("div", { class: "seekable" }, strip(analysed, data.length, state.colors === "track" ? fillOf : () => color));
      seekable.addEventListener("pointerdown", (event) => {
        const area = seekable.getBoundingClientRect();
        actions.seek(Math.floor(((event.clientX - area.left) / area.width) * data.length));
      });
      const row = element("li", { "data-key": key, class: state.selected === key ? "selected" : null }, box, button, seekable);
      return [track.source, row];
    });
    list.replaceChildren();
    let last = -1;
    for (const [source, row] of rows) {
      if (source !== last) list.append(element("li", { class: "source" }, dataset.sources[source].name));
      last = source;
      list.append(row);
    }
    return events;
  }

  window.seqformer.timeline = { build, analyse };
})();
