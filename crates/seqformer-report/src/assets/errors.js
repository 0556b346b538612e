// The list of all errors, a hundred rows at a time.
"use strict";

(() => {
  const { dataset, errorList, element } = window.seqformer;
  const ROWS = 100;
  const body = document.querySelector("#errors tbody");
  const count = document.querySelector("#error-count");
  const more = document.querySelector("#more-errors");
  const fields = {
    kind: document.querySelector("#error-kind"),
    class: document.querySelector("#error-class"),
    source: document.querySelector("#error-source"),
    score: document.querySelector("#error-score"),
  };
  let shown = [];

  /** An error is [results, kind, video, class, score, label of the result, labels of annotations]. */
  function row([source, kind, video, category, score, label, objects]) {
    const { id, name } = dataset.videos[video];
    const key = label === null ? `0-${objects[0]}` : `${source}-${label}`;
    const address = `player.html#v=${encodeURIComponent(id)}&t=${encodeURIComponent(key)}`;
    return element(
      "tr",
      null,
      element("td", null, element("a", { href: address }, name)),
      element("td", null, element("span", { class: `badge ${kind}` }, kind)),
      element("td", null, dataset.classes[category]),
      element("td", { class: "number" }, score === null ? "–" : score.toFixed(3)),
      element("td", null, objects.join(", ") || "–"),
      fields.source ? element("td", null, dataset.sources[source].name) : null,
    );
  }

  function showMore() {
    const from = body.rows.length;
    body.append(...shown.slice(from, from + ROWS).map(row));
    more.hidden = body.rows.length >= shown.length;
  }

  function filter() {
    const least = Number(fields.score.value);
    const matches = ([source, kind, , category, score]) =>
      (!fields.kind.value || kind === fields.kind.value) &&
      (!fields.class.value || category === Number(fields.class.value)) &&
      (!fields.source?.value || source === Number(fields.source.value)) &&
      (score === null || !fields.score.value || score >= least);
    shown = errorList.filter(matches);
    body.replaceChildren();
    count.textContent = `${shown.length} of ${errorList.length}`;
    showMore();
  }

  const present = [...new Set(errorList.map((error) => error[3]))];
  present.sort((a, b) => dataset.classes[a].localeCompare(dataset.classes[b]));
  fields.class.append(...present.map((place) => element("option", { value: place }, dataset.classes[place])));
  for (const field of Object.values(fields)) field?.addEventListener("input", filter);
  more.addEventListener("click", showMore);
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.has("kind")) fields.kind.value = wanted.get("kind");
  filter();
})();
