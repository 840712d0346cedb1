"use strict";
(() => {
  const tip = document.getElementById("tip");
  const make = (name, parent, text) => {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    parent.appendChild(node);
    return node;
  };
  const drawn = (name, parent, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    parent.appendChild(node);
    return node;
  };
  const nearest = (xs, x) => {
    let low = 0, high = xs.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (xs[middle] < x) low = middle; else high = middle;
    }
    return x - xs[low] < xs[high] - x ? low : high;
  };
  const hide = (svg) => { tip.hidden = true; svg.querySelector(".cursor").setAttribute("hidden", ""); };

  const point = (svg, data, at) => {
    svg.dataset.at = at;
    const cursor = svg.querySelector(".cursor"), box = svg.viewBox.baseVal, x = data.x[at];
    cursor.replaceChildren();
    cursor.removeAttribute("hidden");
    drawn("line", cursor, { x1: x, x2: x, y1: 20, y2: box.height - 20 });
    tip.replaceChildren();
    make("b", tip, data.l[at]);
    for (const series of data.s) {
      const y = series.y[at];
      if (y !== undefined && y !== null) drawn("circle", cursor, { cx: x, cy: y, r: 4, class: series.c });
      const row = make("div", tip);
      make("span", row, series.n);
      make("em", row, series.t[at]).style.fontStyle = "normal";
    }
    tip.hidden = false;
    const area = svg.getBoundingClientRect(), scale = area.width / box.width, left = area.left + x * scale;
    const width = tip.offsetWidth, flips = left + 14 + width > window.innerWidth - 8;
    tip.style.left = `${Math.max(8, flips ? left - 14 - width : left + 14)}px`;
    tip.style.top = `${Math.max(8, Math.min(area.top + 24, window.innerHeight - tip.offsetHeight - 8))}px`;
  };

  for (const svg of document.querySelectorAll("svg[data-hover]")) {
    const data = JSON.parse(svg.dataset.hover);
    const follow = (event) => {
      const area = svg.getBoundingClientRect();
      point(svg, data, nearest(data.x, (event.clientX - area.left) * svg.viewBox.baseVal.width / area.width));
    };
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
    svg.addEventListener("pointerleave", () => hide(svg));
    svg.addEventListener("blur", () => hide(svg));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") hide(svg);
      if (!step) return;
      event.preventDefault();
      const now = Number(svg.dataset.at ?? (data.x.length >> 1));
      point(svg, data, Math.min(data.x.length - 1, Math.max(0, now + step)));
    });
  }

  const root = document.documentElement;
  const isDark = () => root.dataset.theme === "dark" ||
    (!root.dataset.theme && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.getElementById("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; });
  window.addEventListener("beforeprint", () => { root.dataset.theme = "light"; });
  root.dataset.ready = "yes";
})();
