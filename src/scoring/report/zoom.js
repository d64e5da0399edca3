// Zooms into all maps of a gene at once: click to go in, drag to move, shift-click or Esc to go back, Ctrl and the wheel for both; by
// keys + and −, the arrows and 0.
for (const card of document.querySelectorAll("details.gene, section.zooms")) {
  const most = 32;
  let [zoom, x, y] = [1, 0, 0];
  let grip = null;
  const round = (most) => {
    const power = 10 ** Math.floor(Math.log10(most));
    return [5, 2, 1].find((step) => step * power <= most * 1.000001) * power;
  };
  const show = () => {
    // The picture covers its frame: it never shows what is beyond it.
    [x, y] = [x, y].map((shift) => Math.min(0, Math.max(1 - zoom, shift)));
    card.classList.toggle("zoomed", zoom > 1);
    card.style.setProperty("--z", zoom);
    card.style.setProperty("--x", 100 * x + "%");
    card.style.setProperty("--y", 100 * y + "%");
    for (const map of card.querySelectorAll(".map")) {
      const um = map.dataset.um / zoom;
      const length = round(um / 4);
      const bar = map.querySelector(".bar");
      bar.style.width = (100 * length) / um + "%";
      bar.firstChild.textContent = length >= 1000 ? length / 1000 + " mm" : length + " µm";
    }
  };
  const at = (event) => {
    const frame = event.target.closest(".map").getBoundingClientRect();
    return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height, frame];
  };
  const scale = (factor, px, py) => {
    const next = Math.min(most, Math.max(1, zoom * factor));
    [x, y] = [px - ((px - x) * next) / zoom, py - ((py - y) * next) / zoom];
    zoom = next;
    show();
  };
  const pairs = card.querySelector(".pairs");
  pairs.addEventListener("dragstart", (event) => event.preventDefault());
  pairs.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.target.closest(".map")) return;
    grip = { from: [event.clientX, event.clientY], start: [x, y], moved: false, frame: at(event)[2] };
  });
  pairs.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const [dx, dy] = [event.clientX - grip.from[0], event.clientY - grip.from[1]];
    grip.moved ||= Math.hypot(dx, dy) > 4;
    if (grip.moved && zoom > 1) {
      [x, y] = [grip.start[0] + dx / grip.frame.width, grip.start[1] + dy / grip.frame.height];
      show();
    }
  });
  window.addEventListener("pointerup", () => setTimeout(() => (grip = null)));
  pairs.addEventListener("click", (event) => {
    if (!event.target.closest(".map") || (grip && grip.moved)) return;
    const [px, py] = at(event);
    scale(event.shiftKey ? 1 / most : 2, px, py);
  });
  pairs.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey || !event.target.closest(".map")) return;
      event.preventDefault();
      const [px, py] = at(event);
      scale(2 ** (-event.deltaY / 200), px, py);
    },
    { passive: false },
  );
  const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  pairs.tabIndex = 0;
  pairs.setAttribute("role", "group");
  pairs.setAttribute("aria-label", "Maps: plus and minus zoom, arrows move, 0 goes back");
  pairs.addEventListener("keydown", (event) => {
    const factor = { "+": 2, "=": 2, "-": 1 / 2, "−": 1 / 2, 0: 1 / most }[event.key];
    const move = zoom > 1 && moves[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(factor || move)) return;
    event.preventDefault();
    if (factor) return scale(factor, 0.5, 0.5);
    [x, y] = [x + move[0] / 4, y + move[1] / 4];
    show();
  });
  window.addEventListener("keydown", (event) => event.key === "Escape" && zoom > 1 && scale(1 / most, 0, 0));
  show();
}
