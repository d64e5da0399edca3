// Shows the gene that was chosen: two of its maps and their difference, in colours that are made here from the levels of the pictures.
{
  const { genes, values, differences } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const [search, list, left, right] = ["search", "list", "left", "right"].map(at);
  const [BLANK, FIRST, LEVELS] = [1, 2, 254];

  // The colour at a share of a palette of anchors.
  const palette = (anchors) => {
    const rgb = anchors.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
    return (share) => {
      const place = Math.min(1, Math.max(0, share)) * (rgb.length - 1);
      const below = Math.min(Math.floor(place), rgb.length - 2);
      return rgb[below].map((low, i) => low + (rgb[below + 1][i] - low) * (place - below));
    };
  };
  const [value, difference] = [palette(values), palette(differences)];
  at("values").style.background = `linear-gradient(to right,${values})`;
  at("differences").style.background = `linear-gradient(to right,${differences})`;

  // The levels of a map, row by row.
  const levels = async (map) => {
    const picture = new Image();
    picture.src = map.levels;
    await picture.decode();
    const [width, height] = [picture.width, picture.height];
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, width, height).data;
    return { width, height, levels: Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i]) };
  };

  // Draws what `colour` says of each bin: [red, green, blue], or nothing.
  const draw = (id, { width, height }, colour, label) => {
    const canvas = at(id);
    [canvas.width, canvas.height] = [width, height];
    canvas.setAttribute("aria-label", label);
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const rgb = colour(i);
      if (rgb) image.data.set([...rgb, 255], 4 * i);
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  };
  const caption = (id, title, note) => {
    const bold = document.createElement("b");
    bold.textContent = title;
    at(id + "-note").replaceChildren(bold, document.createElement("br"), note);
  };

  let drawn = 0;
  const show = async () => {
    const gene = genes.find((one) => one.name === list.value);
    if (!gene) return;
    const turn = ++drawn;
    at("gene").textContent = gene.name;
    at("high").textContent = "≥ " + gene.high.toFixed(2);
    history.replaceState(null, "", "#" + encodeURIComponent(gene.name));
    const chosen = [left, right].map((select) => gene.maps.find((map) => map.title === select.value));
    const maps = await Promise.all(chosen.map((map) => map && levels(map)));
    if (turn !== drawn) return;
    const expression = (levels) => (i) => {
      if (levels[i] >= FIRST) return value((levels[i] - FIRST) / (LEVELS - 1));
      return levels[i] === BLANK ? [255, 255, 255] : null;
    };
    ["a", "b"].forEach((id, side) => {
      const name = [left, right][side].value;
      if (maps[side]) draw(id, maps[side], expression(maps[side].levels), `${gene.name}, ${name}: ${chosen[side].note}`);
      else draw(id, { width: 1, height: 1 }, () => null, `${gene.name}: not predicted by ${name}`);
      caption(id, name, maps[side] ? chosen[side].note : "not predicted");
    });
    const [a, b] = maps;
    if (!a || !b) return draw("d", { width: 1, height: 1 }, () => null, "no difference");
    const step = gene.high / (LEVELS - 1);
    const both = Array.from(a.levels, (level, i) => (level >= FIRST && b.levels[i] >= FIRST ? (level - b.levels[i]) * step : NaN));
    const known = both.filter((one) => !isNaN(one));
    const sizes = known.map(Math.abs).sort((x, y) => x - y);
    const most = sizes[Math.floor(0.995 * (sizes.length - 1))] || gene.high;
    const [sum, squares] = known.reduce(([s, q], one) => [s + one, q + one * one], [0, 0]);
    const told = `over ${known.length} bins: mean ${(sum / known.length).toFixed(2)}, root mean square ${Math.sqrt(squares / known.length).toFixed(2)}`;
    const unknown = expression(a.levels.map((level, i) => Math.min(level, b.levels[i], BLANK)));
    const colour = (i) => (isNaN(both[i]) ? unknown(i) : difference(0.5 + both[i] / (2 * most)));
    draw("d", a, colour, `${left.value} − ${right.value} ${told}`);
    caption("d", `${left.value} − ${right.value}`, told);
    at("least").textContent = "≤ −" + most.toFixed(2);
    at("most").textContent = "≥ +" + most.toFixed(2);
  };

  // Only genes that hold what was typed, those that begin with it first.
  const narrow = () => {
    const typed = search.value.trim().toLowerCase();
    const found = genes.map((gene) => gene.name).filter((name) => name.toLowerCase().includes(typed));
    const begins = (name) => !name.toLowerCase().startsWith(typed);
    if (typed) found.sort((x, y) => begins(x) - begins(y));
    const before = list.value;
    list.replaceChildren(...found.map((name) => new Option(name)));
    list.value = found.includes(before) && !typed ? before : found[0];
    at("count").textContent = found.length === genes.length ? `(${genes.length})` : `(${found.length} of ${genes.length})`;
    show();
  };

  const titles = [...new Set(genes.flatMap((gene) => gene.maps.map((map) => map.title)))];
  for (const select of [left, right]) select.replaceChildren(...titles.map((title) => new Option(title)));
  // The first prediction beside the truth, else beside what was measured.
  [left.value, right.value] = [titles.find((title) => !["Truth", "Input"].includes(title)) ?? titles[0], titles[0]];
  const asked = decodeURIComponent(location.hash.slice(1));
  if (genes.some((gene) => gene.name === asked)) list.value = asked;
  else list.selectedIndex = 0;
  search.addEventListener("input", narrow);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    list.focus();
  });
  for (const select of [list, left, right]) select.addEventListener("change", show);
  narrow();
}
