// Tables that sort and filter: the head's buttons sort, and a field above takes words that rows must have.
"use strict";

(() => {
  const { element } = window.seqformer;

  function valueOf(row, column) {
    const cell = row.cells[column];
    const value = cell.dataset.value;
    if (value === undefined) return cell.textContent.trim().toLowerCase();
    return value === "" ? null : Number(value);
  }

  /** Orders cells; those without a value come last in both directions. */
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function sort(table, column, descending) {
    const body = table.tBodies[0];
    const sign = descending ? -1 : 1;
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => compare(a, b, sign));
    body.append(...rows.map(([, row]) => row));
    [...table.tHead.rows[0].cells].forEach((cell, at) => {
      if (at === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    });
  }

  function addSorting(table) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const isNumber = cell.classList.contains("number");
      const button = element("button", { type: "button", class: "sort" }, ...cell.childNodes);
      button.addEventListener("click", () => {
        const now = cell.getAttribute("aria-sort");
        sort(table, column, now ? now === "ascending" : isNumber);
      });
      cell.append(button);
    });
  }

  function addFilter(table) {
    const rows = [...table.tBodies[0].rows];
    const count = element("output", { class: "count", "aria-live": "polite" });
    const field = element("input", { type: "search", placeholder: "Filter", "aria-label": `Filter: ${table.caption.textContent}` });
    const show = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${rows.length}`;
    };
    field.addEventListener("input", show);
    show();
    table.closest(".scroll").before(element("div", { class: "filter" }, field, count));
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    addSorting(table);
    if (table.tBodies[0].rows.length > 8) addFilter(table);
  }
})();
