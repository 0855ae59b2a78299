"use strict";

// The filter: words that all have to occur, and the families that are switched on.
const filter = document.getElementById("filter");
const families = [...document.querySelectorAll("button.family")];
const articles = [...document.querySelectorAll("article")];
const said = new Map(articles.map((article) => [article, article.textContent.toLowerCase()]));

function apply() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const off = new Set(families.filter((b) => b.getAttribute("aria-pressed") === "false").map((b) => b.value));
  for (const article of articles) {
    const isOff = off.has(article.closest("section").dataset.family);
    article.hidden = isOff || !words.every((word) => said.get(article).includes(word));
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = ![...section.querySelectorAll("article")].some((article) => !article.hidden);
  }
  document.getElementById("none").hidden = !articles.length || articles.some((article) => !article.hidden);
  draw();
}

filter.addEventListener("input", apply);
for (const button of families) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") === "false"));
    apply();
  });
}

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
});

// The path from place to place, in the order in which it happens: from number to number, in the margin left of the code.
function draw() {
  for (const old of document.querySelectorAll("svg.story")) old.remove();
  for (const article of articles) {
    if (!article.hidden) article.querySelectorAll("figure > .code").forEach(story);
  }
}

function story(code) {
  const frame = code.getBoundingClientRect();
  const stops = [...code.querySelectorAll(".note i")].map((number) => {
    const box = number.getBoundingClientRect();
    return { step: Number(number.textContent), x: box.left - frame.left, y: box.top - frame.top + box.height / 2 };
  });
  stops.sort((a, b) => a.step - b.step);
  if (stops.length < 2) return;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "story");
  for (let i = 1; i < stops.length; i++) {
    const [a, b] = [stops[i - 1], stops[i]];
    const path = document.createElementNS(svg.namespaceURI, "path");
    const [left, bend] = [8 + ((i - 1) % 3) * 4, 6 * Math.sign(b.y - a.y || 1)];
    path.setAttribute("d", `M ${a.x - 2} ${a.y + 3} H ${left + 6} Q ${left} ${a.y + 3} ${left} ${a.y + 3 + bend} ` +
      `V ${b.y - 3 - bend} Q ${left} ${b.y - 3} ${left + 6} ${b.y - 3} H ${b.x - 3} m -5 -4 l 5 4 l -5 4`);
    svg.append(path);
  }
  code.append(svg);
}

// report.html#JIT101 opens with this filter.
function fromAddress() {
  filter.value = decodeURIComponent(location.hash.slice(1));
  apply();
}

addEventListener("hashchange", fromAddress);
addEventListener("resize", draw);
fromAddress();
