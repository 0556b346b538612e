// The data of the report. Files of data are scripts that call these functions, because pages that are opened
// from file:// may load scripts and nothing else.
"use strict";

window.seqformer = (() => {
  /** How many videos stay in memory. */
  const KEPT = 4;
  /** Videos by their place: data, or the promise of it. */
  const videos = new Map();
  let arrived = null;

  function load(source) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => {
        script.remove();
        resolve();
      };
      script.onerror = () => {
        script.remove();
        reject(new Error(`${source} cannot be loaded: is the folder of the report complete?`));
      };
      document.head.append(script);
    });
  }

  const store = {
    /** What all videos share: classes, names of results, and the list of videos. */
    dataset: null,

    /** Called by data/videos.js. */
    index(dataset) {
      store.dataset = dataset;
      dataset.places = new Map(dataset.videos.map((video, place) => [video.id, place]));
    },

    /** Called by the data of one video, right before its script counts as loaded. */
    video(data) {
      arrived = data;
    },

    /** Called by data/errors.js. */
    errors(list) {
      store.errorList = list;
    },

    /** Returns the promise of a video, given by its place in the list. */
    loadVideo(place) {
      let promise = videos.get(place);
      videos.delete(place);
      if (!promise) {
        promise = load(`data/${store.dataset.videos[place].file}.js`).then(() => arrived);
        promise.catch(() => videos.delete(place));
      }
      // The map keeps the order of use.
      videos.set(place, promise);
      if (videos.size > KEPT) videos.delete(videos.keys().next().value);
      return promise;
    },

    /** Returns the address of a frame, or nothing. */
    frameAddress(data, frame) {
      const name = data.frames[frame];
      if (!name) return null;
      const parts = name.split("/").map(encodeURIComponent);
      return [store.dataset.base, ...parts].join("/");
    },

    /** Returns the key of a track in links: 0 for annotations, 1 or 2 for results, and its label. */
    keyOf(track) {
      return `${track.source}-${track.label}`;
    },

    /** Creates an element with attributes and content; texts stay texts. */
    element(name, attributes, ...content) {
      const made = document.createElement(name);
      for (const [key, value] of Object.entries(attributes ?? {})) {
        if (value === false || value === null || value === undefined) continue;
        if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
        else made.setAttribute(key, value === true ? "" : value);
      }
      made.append(...content.filter((part) => part !== null && part !== undefined));
      return made;
    },
  };
  return store;
})();
