// Shows the gene that was chosen: two of its maps and their difference, in colours that are made here from the levels of the pictures.
{
  const { genes, values, differences, widths } = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const [search, list, left, right, view] = ["search", "list", "left", "right", "view"].map(at);
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
  const [value, difference, width] = [values, differences, widths].map(palette);
  at("values").style.background = `linear-gradient(to right,${values})`;
  at("widths").style.background = `linear-gradient(to right,${widths})`;
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

  // With two decimals; no zero has a sign.
  const short = (number) => number.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−");

  let drawn = 0;
  const show = async () => {
    const gene = genes.find((one) => one.name === list.value);
    if (!gene) return;
    const turn = ++drawn;
    at("gene").textContent = gene.name;
    at("advice").textContent = gene.advice ?? "";
    at("advice").className = "advice " + (gene.advice ?? "").split(" ").pop();
    at("advice").hidden = !gene.advice;
    at("high").textContent = "≥ " + gene.high.toFixed(2);
    history.replaceState(null, "", "#" + encodeURIComponent(gene.name));
    const chosen = [left, right].map((select) => gene.maps.find((map) => map.title === select.value));
    const sure = chosen.map((map) => (view?.value === "uncertainty" && map?.uncertainty) || null);
    at("wide").hidden = !sure.some(Boolean);
    if (gene.wide) at("widest").textContent = "≥ " + gene.wide.toFixed(2);
    const [maps, sures] = await Promise.all([chosen, sure].map((all) => Promise.all(all.map((map) => map && levels(map)))));
    if (turn !== drawn) return;
    const coloured = (palette, levels) => (i) => {
      if (levels[i] >= FIRST) return palette((levels[i] - FIRST) / (LEVELS - 1));
      return levels[i] === BLANK ? [255, 255, 255] : null;
    };
    ["a", "b"].forEach((id, side) => {
      const name = (sure[side] ? "Uncertainty of " : "") + [left, right][side].value;
      const note = (sure[side] ?? chosen[side])?.note ?? "not predicted";
      const shown = sures[side] ?? maps[side] ?? { width: 1, height: 1, levels: [0] };
      draw(id, shown, coloured(sure[side] ? width : value, shown.levels), `${gene.name}, ${name}: ${note}`);
      caption(id, name, note);
    });
    const [a, b] = maps;
    if (!a || !b) {
      caption("d", "No difference", "one of them does not hold this gene");
      return draw("d", { width: 1, height: 1 }, () => null, "no difference");
    }
    const step = gene.high / (LEVELS - 1);
    const both = Array.from(a.levels, (level, i) => (level >= FIRST && b.levels[i] >= FIRST ? (level - b.levels[i]) * step : NaN));
    const known = both.filter((one) => !isNaN(one));
    const sizes = known.map(Math.abs).sort((x, y) => x - y);
    const most = sizes[Math.floor(0.995 * (sizes.length - 1))] || gene.high;
    const [sum, squares] = known.reduce(([s, q], one) => [s + one, q + one * one], [0, 0]);
    const told = `over ${known.length} bins: mean ${short(sum / known.length)}, root mean square ${short(Math.sqrt(squares / known.length))}`;
    const unknown = coloured(value, a.levels.map((level, i) => Math.min(level, b.levels[i], BLANK)));
    const colour = (i) => (isNaN(both[i]) ? unknown(i) : difference(0.5 + both[i] / (2 * most)));
    draw("d", a, colour, `${left.value} − ${right.value} ${told}`);
    caption("d", `${left.value} − ${right.value}`, told);
    at("least").textContent = "≤ −" + most.toFixed(2);
    at("most").textContent = "≥ +" + most.toFixed(2);
  };

  // Only genes that hold what was typed, those that begin with it first; of all, the one that was chosen stays.
  const narrow = (chosen) => {
    const typed = search.value.trim().toLowerCase();
    const found = genes.map((gene) => gene.name).filter((name) => name.toLowerCase().includes(typed));
    const begins = (name) => !name.toLowerCase().startsWith(typed);
    if (typed) found.sort((x, y) => begins(x) - begins(y));
    list.replaceChildren(...found.map((name) => new Option(name)));
    list.value = found.includes(chosen) && !typed ? chosen : found[0];
    at("count").textContent = found.length === genes.length ? `(${genes.length})` : `(${found.length} of ${genes.length})`;
    show();
  };

  const titles = [...new Set(genes.flatMap((gene) => gene.maps.map((map) => map.title)))];
  for (const select of [left, right]) select.replaceChildren(...titles.map((title) => new Option(title)));
  // The first prediction beside the truth, else beside interpolation, another prediction, or what was measured.
  const predictions = titles.filter((title) => !["Truth", "Input", "Interpolation"].includes(title));
  left.value = predictions[0] ?? titles[0];
  right.value = ["Truth", "Interpolation", predictions[1], "Input"].find((title) => titles.includes(title));
  search.addEventListener("input", () => narrow(list.value));
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    list.focus();
  });
  for (const select of [list, left, right, view].filter(Boolean)) select.addEventListener("change", show);
  narrow(decodeURIComponent(location.hash.slice(1)));
}
