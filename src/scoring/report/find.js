// Finds genes whose rows a table of many leaves out: those whose name contains what was typed, the nearest first. With nothing typed it
// shows again what it shows without scripts.
for (const listed of document.querySelectorAll(".listed")) {
  const [table, body, blank, input, told] = ["table", "tbody", "template", "input", "output"].map((one) => listed.querySelector(one));
  const most = Number(listed.dataset.most);
  const first = [...body.rows];

  // The line of each gene, by its name; read when the first is asked for, since there are many.
  let read;
  const genes = () => (read ??= JSON.parse(listed.querySelector("script").textContent).split("\n").map((line) => [line.slice(0, line.indexOf("\t")), line]));

  const fill = (cell, text) => {
    const best = text.startsWith("*");
    const place = cell.firstElementChild ?? cell;
    place.textContent = best ? text.slice(1) : text;
    if (best) cell.classList.add("best");
    // An advice is coloured by its last word.
    if (place !== cell) place.classList.add(text.split(" ").pop());
  };

  // The rows of a gene: those of the methods that say something of it.
  const rows = ([name, line]) => {
    const cells = line.split("\t").slice(1);
    return [...blank.content.cloneNode(true).children].filter((row) => {
      const [gene, , ...own] = row.cells;
      gene.textContent = name;
      const texts = cells.splice(0, own.length);
      if (!texts.some(Boolean)) return false;
      own.forEach((cell, i) => fill(cell, texts[i]));
      return true;
    });
  };

  const find = () => {
    const typed = input.value.trim().toLowerCase();
    const away = ([name]) => (name.toLowerCase() === typed ? 0 : name.toLowerCase().startsWith(typed) ? 1 : 2);
    const found = typed ? genes().filter(([name]) => name.toLowerCase().includes(typed)) : [];
    found.sort((x, y) => away(x) - away(y));
    body.replaceChildren(...(typed ? found.slice(0, most).flatMap(rows) : first));
    const count = found.length === 1 ? "1 gene" : `${found.length} genes`;
    const more = found.length > most ? `, of which ${most} are shown and ${found.length - most} more match: type more of the name` : "";
    told.textContent = typed ? count + more : "";
    table.dispatchEvent(new Event("filled"));
  };

  listed.querySelector(".find").hidden = false;
  input.addEventListener("input", find);
  // A name that the browser kept from before.
  if (input.value) find();
}
