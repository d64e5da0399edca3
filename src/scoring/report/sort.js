// Sorts a table by the column that is clicked; missing figures stay last. Without scripts its rows are in the order in which they were written.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.querySelectorAll("th[data-sort]")];
  new ResizeObserver(() => table.style.setProperty("--first", heads[0].offsetWidth + "px")).observe(heads[0]);
  const sort = () => {
    const column = heads.findIndex((head) => head.hasAttribute("aria-sort"));
    if (column < 0) return;
    const up = heads[column].getAttribute("aria-sort") === "ascending";
    const text = heads[column].dataset.sort === "text";
    const key = (row) => (text ? row.cells[column].textContent : parseFloat(row.cells[column].textContent));
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (text) return up ? x.localeCompare(y) : y.localeCompare(x);
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return up ? x - y : y - x;
    });
    body.append(...rows);
  };
  // Other rows come into the order of those before.
  table.addEventListener("filled", sort);
  for (const head of heads) {
    const turn = () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort();
    };
    head.tabIndex = 0;
    head.addEventListener("click", turn);
    head.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      turn();
    });
  }
}
