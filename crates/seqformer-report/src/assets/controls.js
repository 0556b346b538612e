// The state of the player, the fields that change it, and the link to it.
"use strict";

(() => {
  const { element, dataset, masks } = window.seqformer;
  const find = (selector) => document.querySelector(selector);
  const NUM_SOURCES = dataset.sources.length;

  /** What the player shows; a link holds all of it that differs from this. */
  function initialState() {
    return {
      video: 0,
      frame: 0,
      selected: null,
      view: NUM_SOURCES > 1 ? "over" : "side",
      sources: new Set(dataset.sources.map((_, source) => source)),
      minScore: dataset.sources[1]?.minScore ?? 0,
      classes: new Set(),
      off: new Set(),
      colors: "track",
      labels: true,
      opacity: 0.45,
      /** The results that annotations are compared with in the timeline. */
      comparedSource: NUM_SOURCES > 1 ? 1 : 0,
    };
  }

  /** Writes the state as the part of an address behind the #. */
  function toHash(state) {
    const start = initialState();
    const words = [`v=${encodeURIComponent(dataset.videos[state.video].id)}`, `f=${state.frame}`];
    const add = (name, value) => words.push(`${name}=${encodeURIComponent(value)}`);
    if (state.selected !== null) add("t", state.selected);
    if (state.view !== start.view) add("view", state.view);
    if (state.sources.size !== NUM_SOURCES) add("src", [...state.sources].join(","));
    if (state.minScore !== start.minScore) add("score", state.minScore);
    if (state.classes.size) add("class", [...state.classes].join(","));
    if (state.off.size) add("off", [...state.off].join(","));
    if (state.colors !== start.colors) add("colors", state.colors);
    if (!state.labels) add("labels", "0");
    return `#${words.join("&")}`;
  }

  /** Reads a link; what it does not say is as at the start. Returns the state and whether it names a frame. */
  function fromHash(hash) {
    const state = initialState();
    const words = new URLSearchParams(hash.replace(/^#/, ""));
    const list = (name) => (words.get(name) ?? "").split(",").filter(Boolean);
    const place = dataset.places.get(words.get("v") ?? "");
    if (place !== undefined) state.video = place;
    const frame = Number.parseInt(words.get("f") ?? "", 10);
    if (Number.isFinite(frame)) state.frame = Math.max(0, frame);
    state.selected = words.get("t");
    if (["over", "side"].includes(words.get("view"))) state.view = words.get("view");
    if (words.has("src")) state.sources = new Set(list("src").map(Number).filter((source) => source >= 0 && source < NUM_SOURCES));
    const score = Number.parseFloat(words.get("score") ?? "");
    if (Number.isFinite(score)) state.minScore = score;
    state.classes = new Set(list("class").map(Number).filter((place) => place < dataset.classes.length));
    state.off = new Set(list("off"));
    if (["track", "class", "outcome"].includes(words.get("colors"))) state.colors = words.get("colors");
    state.labels = words.get("labels") !== "0";
    return { state, hasFrame: Number.isFinite(frame), isUnknown: words.has("v") && place === undefined };
  }

  /** Says whether the filters let a track through, the checkbox of the track aside. */
  function passes(track, state) {
    return (
      state.sources.has(track.source) &&
      (track.score === null || track.score >= state.minScore) &&
      (!state.classes.size || state.classes.has(track.class))
    );
  }

  function colorOf(track, state, trackColors) {
    if (state.colors === "class") return masks.classColor(track.class);
    if (state.colors === "outcome") {
      const at = track.source === 0 ? Math.max(state.comparedSource, 1) - 1 : 0;
      return masks.outcomeColor(track.outcomes[at] ?? "found");
    }
    return trackColors.get(track);
  }

  /** Fills the fields that depend on the report, and calls `changed` with a change of the state. */
  function bind(state, changed) {
    const video = find("#video");
    dataset.videos.forEach((item, place) => video.append(element("option", { value: place }, item.id === item.name ? item.name : `${item.name} (${item.id})`)));
    const sources = find("#sources");
    dataset.sources.forEach(({ name }, source) => {
      const box = element("input", { type: "checkbox", "data-source": source });
      box.addEventListener("change", () => changed({ source, on: box.checked }));
      sources.append(element("label", { class: "check" }, box, name));
    });
    if (NUM_SOURCES < 2) document.querySelectorAll(".only-results").forEach((part) => (part.hidden = true));
    find("#video").addEventListener("change", (event) => changed({ video: Number(event.target.value) }));
    find("#view").addEventListener("change", (event) => changed({ view: event.target.value }));
    find("#colors").addEventListener("change", (event) => changed({ colors: event.target.value }));
    find("#labels").addEventListener("change", (event) => changed({ labels: event.target.checked }));
    find("#opacity").addEventListener("input", (event) => changed({ opacity: Number(event.target.value) }));
    find("#min-score").addEventListener("input", (event) => changed({ minScore: Number(event.target.value) }));
  }

  /** Offers the classes and scores of a video. */
  function showChoices(data, state, changed) {
    const scores = data.tracks.map((track) => track.score ?? 0);
    find("#min-score").min = Math.floor(Math.min(0, ...scores));
    find("#min-score").max = Math.ceil(Math.max(1, ...scores));
    const present = [...new Set(data.tracks.map((track) => track.class))];
    present.sort((a, b) => dataset.classes[a].localeCompare(dataset.classes[b]));
    const boxes = present.map((place) => {
      const box = element("input", { type: "checkbox", checked: state.classes.has(place) });
      box.addEventListener("change", () => changed({ class: place, on: box.checked }));
      return element("label", { class: "check" }, box, dataset.classes[place]);
    });
    find("#classes").replaceChildren(...boxes);
  }

  /** Brings the fields in line with the state. */
  function show(state) {
    find("#video").value = state.video;
    find("#view").value = state.view;
    find("#colors").value = state.colors;
    find("#labels").checked = state.labels;
    find("#opacity").value = state.opacity;
    find("#min-score").value = state.minScore;
    find("#min-score-value").textContent = state.minScore.toFixed(2);
    document.querySelectorAll("#sources input").forEach((box) => (box.checked = state.sources.has(Number(box.dataset.source))));
  }

  window.seqformer.controls = { initialState, toHash, fromHash, passes, colorOf, bind, show, showChoices };
})();
