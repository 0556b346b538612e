// The player: loads a video, plays its frames, and keeps pictures, timeline, fields and link together.
"use strict";

(() => {
  const { controls, dataset, keyOf, loadVideo, masks, Pane, timeline, frameAddress } = window.seqformer;
  const find = (selector) => document.querySelector(selector);
  const message = find("#message");
  const slider = find("#frame");
  const playButton = find("#play");

  let { state } = controls.fromHash(location.hash);
  let data = null;
  let colors = new Map();
  let panes = [];
  /** What passes the filters, in the order of drawing. */
  let tracks = [];
  let events = new Map();
  let timer = null;

  const colorOf = (track) => controls.colorOf(track, state, colors);

  function drawFrame() {
    const shown = tracks.filter((track) => !state.off.has(keyOf(track)));
    // The lines of annotations over results, better results over others, and the selected track over all.
    shown.sort((a, b) => (keyOf(a) === state.selected) - (keyOf(b) === state.selected) || b.source - a.source || (a.score ?? 0) - (b.score ?? 0));
    for (const pane of panes) pane.draw(state.frame, shown, state, colorOf);
    slider.value = state.frame;
    slider.setAttribute("aria-valuetext", `frame ${state.frame} of ${data.length}`);
    find("#frame-number").textContent = `${state.frame} / ${data.length - 1}`;
    find("#timeline").style.setProperty("--at", (state.frame + 0.5) / data.length);
    const next = frameAddress(data, state.frame + 1);
    if (next) new Image().src = next;
    const inFrame = shown.filter((track) => track.masks[state.frame]).length;
    find("#status").textContent = timer ? "" : `frame ${state.frame}, ${inFrame} tracks in it`;
  }

  function buildPanes() {
    const sources = [...state.sources].sort();
    const groups = state.view === "over" ? [sources] : sources.map((source) => [source]);
    panes = groups.filter((group) => group.length).map((group) => new Pane(group, data, select));
    find("#panes").replaceChildren(...panes.map((pane) => pane.root));
    find("#panes").dataset.count = panes.length;
  }

  function buildTimeline() {
    tracks = data.tracks.filter((track) => controls.passes(track, state));
    tracks.sort((a, b) => a.source - b.source || (b.score ?? 0) - (a.score ?? 0));
    events = timeline.build(find("#tracks"), data, tracks, state, { toggle, select, seek, colorOf });
    find("#track-count").textContent = `${tracks.length} of ${data.tracks.length} tracks`;
  }

  /** The address follows, so that it is always a link to what is shown. */
  function keepLink() {
    history.replaceState(null, "", controls.toHash(state));
  }

  function refresh() {
    controls.show(state);
    buildPanes();
    buildTimeline();
    drawFrame();
    keepLink();
  }

  function seek(frame) {
    state.frame = Math.max(0, Math.min(frame, data.length - 1));
    drawFrame();
    if (!timer) keepLink();
  }

  function select(key) {
    state.selected = key === state.selected ? null : key;
    for (const row of document.querySelectorAll("#tracks li[data-key]")) {
      const isSelected = row.dataset.key === state.selected;
      row.classList.toggle("selected", isSelected);
      row.querySelector("button").setAttribute("aria-pressed", String(isSelected));
      if (isSelected) row.scrollIntoView({ block: "nearest" });
    }
    drawFrame();
    keepLink();
  }

  function toggle(key, on) {
    if (on) state.off.delete(key);
    else state.off.add(key);
    drawFrame();
    keepLink();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    playButton.textContent = "Play";
    playButton.setAttribute("aria-pressed", "false");
  }

  function play() {
    if (timer) {
      pause();
      seek(state.frame);
      return;
    }
    const period = 1000 / Number(find("#rate").value);
    timer = setInterval(() => seek(state.frame + 1 < data.length ? state.frame + 1 : 0), period);
    playButton.textContent = "Pause";
    playButton.setAttribute("aria-pressed", "true");
  }

  /** Goes to the next frame in which any track that is shown changes its object or its result. */
  function nextSwitch() {
    const frames = [...events.values()].flatMap((event) => event.switches).sort((a, b) => a - b);
    const next = frames.find((frame) => frame > state.frame) ?? frames[0];
    if (next !== undefined) seek(next);
  }

  function moveVideo(step) {
    const count = dataset.videos.length;
    changed({ video: (state.video + step + count) % count });
  }

  function changed(change) {
    if (change.video !== undefined) {
      Object.assign(state, { video: change.video, frame: 0, selected: null, off: new Set(), classes: new Set() });
      open(true);
      return;
    }
    if (change.source !== undefined) {
      state.sources[change.on ? "add" : "delete"](change.source);
      const results = [...state.sources].filter((source) => source > 0).sort();
      state.comparedSource = results[0] ?? state.comparedSource;
    } else if (change.class !== undefined) {
      state.classes[change.on ? "add" : "delete"](change.class);
    } else {
      Object.assign(state, change);
    }
    if (data) refresh();
  }

  /** Without a frame, a link to a track leads to where it switches, otherwise to where it begins. */
  function frameOfTrack() {
    const track = data.tracks.find((track) => keyOf(track) === state.selected);
    if (!track) return 0;
    if (track.score !== null && track.score < state.minScore) state.minScore = Math.floor(track.score * 1000) / 1000;
    if (!state.sources.has(track.source)) state.sources.add(track.source);
    if (track.source > 0) state.comparedSource = track.source;
    const results = data.tracks.filter((other) => other.source === state.comparedSource);
    const { first, switches } = timeline.analyse(track, data, track.source === 0 ? results : []);
    return switches[0] ?? first;
  }

  async function open(hasFrame) {
    pause();
    const place = state.video;
    let loaded;
    try {
      loaded = await loadVideo(place);
    } catch (error) {
      message.textContent = error.message;
      return;
    }
    // Another video may have been chosen meanwhile.
    if (place !== state.video) return;
    data = loaded;
    colors = masks.trackColors(data);
    const notes = [];
    if (state.selected !== null && !data.tracks.some((track) => keyOf(track) === state.selected)) {
      notes.push("this link names a track that is not in this video");
      state.selected = null;
    }
    if (!hasFrame) state.frame = frameOfTrack();
    state.frame = Math.max(0, Math.min(state.frame, data.length - 1));
    slider.max = Math.max(0, data.length - 1);
    controls.showChoices(data, state, changed);
    if (data.numOtherSize) notes.push(`${data.numOtherSize} masks have another size than the video and are not shown`);
    if (!data.length) notes.push("this video has no frames");
    message.textContent = notes.join("; ");
    document.title = `${data.name} – ${dataset.title}`;
    refresh();
    document.body.dataset.ready = data.id;
  }

  function follow() {
    const link = controls.fromHash(location.hash);
    state = link.state;
    open(link.hasFrame).then(() => {
      if (link.isUnknown) message.textContent = "This link names a video that is not in this report; the first one is shown.";
    });
  }

  const KEYS = {
    " ": play,
    ArrowLeft: (event) => seek(state.frame - (event.shiftKey ? 10 : 1)),
    ArrowRight: (event) => seek(state.frame + (event.shiftKey ? 10 : 1)),
    Home: () => seek(0),
    End: () => seek(data.length - 1),
    n: () => moveVideo(1),
    p: () => moveVideo(-1),
    s: nextSwitch,
    v: () => changed({ view: state.view === "over" ? "side" : "over" }),
    l: () => changed({ labels: !state.labels }),
    a: () => changed({ source: 0, on: !state.sources.has(0) }),
    r: () => dataset.sources.length > 1 && changed({ source: 1, on: !state.sources.has(1) }),
    Escape: () => state.selected !== null && select(state.selected),
    "?": () => find("#keys").toggleAttribute("open"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !data) return;
    const { target } = event;
    const typing = target.matches("select, textarea, input:not([type=checkbox]):not(#frame)");
    const pressing = event.key === " " && target.matches("button, summary, a, input[type=checkbox]");
    const action = KEYS[event.key];
    if (!action || typing || pressing) return;
    event.preventDefault();
    action(event);
  });

  controls.bind(state, changed);
  playButton.addEventListener("click", play);
  slider.addEventListener("input", () => seek(Number(slider.value)));
  find("#back").addEventListener("click", () => seek(state.frame - 1));
  find("#forward").addEventListener("click", () => seek(state.frame + 1));
  find("#previous-video").addEventListener("click", () => moveVideo(-1));
  find("#next-video").addEventListener("click", () => moveVideo(1));
  find("#next-switch").addEventListener("click", nextSwitch);
  find("#rate").addEventListener("change", () => {
    if (!timer) return;
    pause();
    play();
  });
  find("#copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      find("#status").textContent = "link copied";
    } catch {
      find("#status").textContent = "the address of this page is the link";
    }
  });
  window.addEventListener("hashchange", follow);
  window.addEventListener("resize", () => data && drawFrame());
  if (dataset.videos.length) follow();
  else message.textContent = "There are no videos.";
})();
