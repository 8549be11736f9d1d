// The script of the page: reads the data that is embedded in it, and shows what the filters choose. All text of the
// data becomes text nodes and attributes, never markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = document.querySelector("#chart svg").namespaceURI;

// The verdicts on a cell, with a sign for each and the words of the filter.
const VERDICTS = {
  fail: ["✗", "failed"], disagreement: ["≠", "disagreement"], crash: ["✗", "crashed"], timeout: ["⏱", "timed out"],
  unreadable: ["?", "unreadable"], flaky: ["~", "flaky"], unsupported: ["–", "has unsupported"],
  expected: ["x", "failed as expected"], pass: ["✓", "passed"], none: ["", "did not run"],
};
const COUNTS = ["directives", "passed", "failed", "unsupported", "expected", "follow from others", "skipped"];

const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

// Shows characters that would hide or reorder text as escapes.
function visible(text) {
  return text.replace(ACTING, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

// Makes an element with attributes and children, which are elements or text.
function make(name, attributes, ...children) {
  const made = document.createElement(name);
  return fill(made, attributes, children);
}

function draw(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, visible(String(value)));
  made.append(...children.map((child) => (child instanceof Node ? child : visible(String(child)))));
  return made;
}

function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// The suite of a script: that of a built-in one, or the folder of a file.
function suiteOf(path) {
  const official = /^spec:(proposals\/[^/]+|[^/]+)/.exec(path);
  return official ? official[0] : path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || ".";
}

// The verdict of a script in a lane, by the worst that is to say of it.
function verdictOf(script, lane) {
  const cell = script.cells[lane];
  if (cell < 0) return "none";
  const [status, [, , , unsupported, expected]] = data.results[cell];
  if (status !== "pass") return status;
  if (script.differing.has(lane)) return "disagreement";
  if (unsupported > 0) return "unsupported";
  return expected > 0 ? "expected" : "pass";
}

// The lanes that differ from the side with the most votes; all that differ if no side has the most.
function outvoted(sides) {
  const differing = sides.filter(({ votes }) => votes > 0);
  const most = Math.max(...differing.map(({ votes }) => votes));
  const first = differing.filter(({ votes }) => votes === most);
  return differing.filter((side) => first.length > 1 || side !== first[0]).flatMap((side) => side.lanes);
}

// Compares texts with numbers in them, as versions are.
const byNumber = new Intl.Collator("en", { numeric: true }).compare;

data.scripts.sort((one, other) => byNumber(one.path, other.path));
for (const script of data.scripts) {
  script.suite = suiteOf(script.path);
  script.differing = new Set((script.disagreements || []).flatMap((one) => outvoted(one.sides)));
  script.verdicts = data.lanes.map((_, lane) => verdictOf(script, lane));
}

// The filters. They are kept in the address, so that a link shows the same.
const FILTERS = ["suite", "engine", "version", "verdict", "path"];

function fillFilters() {
  const lanes = (key) => data.lanes.map((lane) => lane[key]);
  const seen = new Set(data.scripts.flatMap((script) => script.verdicts));
  const verdicts = Object.entries(VERDICTS).filter(([verdict]) => seen.has(verdict))
    .map(([verdict, [, words]]) => [verdict, words]);
  const plain = (values) => [...new Set(values)].filter(Boolean).sort(byNumber).map((value) => [value, value]);
  fillSelect("suite", plain(data.scripts.map((script) => script.suite)));
  fillSelect("engine", plain(lanes("engine")));
  fillSelect("version", plain(lanes("version")));
  fillSelect("verdict", [["!pass", "anything but passed"], ...verdicts]);
}

function fillSelect(id, options) {
  byId(id).replaceChildren(make("option", { value: "" }, "all"),
    ...options.map(([value, text]) => make("option", { value }, text)));
}

function chosen() {
  const filters = Object.fromEntries(FILTERS.map((id) => [id, byId(id).value]));
  const lanes = data.lanes.map((_, lane) => lane).filter((lane) => {
    const { engine, version } = data.lanes[lane];
    return (!filters.engine || engine === filters.engine) && (!filters.version || version === filters.version);
  });
  const inSuite = data.scripts.filter((script) =>
    (!filters.suite || script.suite === filters.suite) && script.path.includes(filters.path));
  const has = (verdict) => (filters.verdict === "!pass" ? verdict !== "pass" && verdict !== "none"
    : !filters.verdict || verdict === filters.verdict);
  const scripts = inSuite.filter((script) => lanes.some((lane) => has(script.verdicts[lane])));
  return { filters, lanes, inSuite, scripts };
}

function update() {
  const { filters, lanes, inSuite, scripts } = chosen();
  showLanes(lanes, inSuite);
  showChart(lanes, inSuite);
  showGrid(lanes, scripts);
  byId("count").textContent = `${scripts.length} of ${plural(data.scripts.length, "script")}, ` +
    `${lanes.length} of ${plural(data.lanes.length, "lane")}`;
  const set = FILTERS.filter((id) => filters[id]).map((id) => [id, filters[id]]);
  // The first view is the one without an address.
  const hash = new URLSearchParams(set.length > 0 ? set : [["verdict", ""]]).toString();
  history.replaceState(null, "", `#${hash}`);
}

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const hasMore = data.scripts.some((script) => script.verdicts.some((verdict) => verdict !== "pass"));
  if ([...address].length === 0 && hasMore) address.set("verdict", "!pass");
  for (const id of FILTERS) byId(id).value = address.get(id) || "";
  for (const id of FILTERS) if (byId(id).selectedIndex === -1) byId(id).value = "";
}

// The sums of a lane over some scripts.
function sums(lane, scripts) {
  const all = COUNTS.map(() => 0);
  let lost = 0;
  for (const script of scripts) {
    if (script.cells[lane] < 0) continue;
    const [status, counts] = data.results[script.cells[lane]];
    counts.forEach((count, position) => { all[position] += count; });
    if (status === "crash" || status === "timeout" || status === "unreadable") lost += 1;
  }
  return { counts: all, lost, rate: all[0] > 0 ? all[1] / all[0] : NaN };
}

// A rate that says 100 % only if nothing is missing.
function percent(rate) {
  if (Number.isNaN(rate)) return "–";
  return `${rate === 1 ? "100" : (Math.floor(rate * 10000) / 100).toFixed(2)} %`;
}

function showLanes(lanes, scripts) {
  const names = ["lane", "engine", "passed", "rate", "failed", "unsupported", "expected", "lost", "seconds"];
  const kind = (position) => (position > 1 ? "number" : "words");
  const head = make("tr", {}, ...names.map((name, position) =>
    make("th", { scope: "col", class: kind(position) }, name)));
  const number = (name, value) =>
    make("td", { class: value === "0" ? "number zero" : "number", "data-name": name }, value);
  const rows = lanes.map((lane) => {
    const { counts, lost, rate } = sums(lane, scripts);
    const { name, engine, version, backend, milliseconds } = data.lanes[lane];
    const [, passed, failed, unsupported, expected] = counts.map((count) => count.toLocaleString("en"));
    return make("tr", {}, make("th", { scope: "row" }, make("code", {}, name)),
      make("td", { title: backend ? `backend ${backend}` : "" }, `${engine} ${version}`),
      number("passed", passed), number("of all", percent(rate)), number("failed", failed),
      number("unsupported", unsupported), number("expected", expected), number("lost", String(lost)),
      number("s", (milliseconds / 1000).toFixed(1)));
  });
  const absent = (data.absent || []).map(([name, reason]) => make("tr", {},
    make("th", { scope: "row" }, make("code", {}, name)), make("td", { colspan: names.length - 1 }, reason)));
  byId("lanes").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows, ...absent));
}

// One panel for each engine. A series is the lanes whose names are equal up to the version.
function showChart(lanes, scripts) {
  const points = lanes.map((lane) => ({ ...data.lanes[lane], rate: sums(lane, scripts).rate }))
    .filter(({ rate, version }) => !Number.isNaN(rate) && version);
  const least = Math.min(0.99, ...points.map(({ rate }) => rate));
  const engines = [...new Set(points.map(({ engine }) => engine))];
  const floor = least > 0.95 ? Math.floor(least * 100) / 100 : Math.floor(least * 20) / 20;
  byId("chart").hidden = points.length === 0;
  document.querySelector("#chart .panels").replaceChildren(...engines.map((engine) =>
    panel(engine, points.filter((point) => point.engine === engine), floor)));
}

function panel(engine, points, floor) {
  const [width, height, left, right, bottom, top] = [320, 150, 44, 16, 24, 10];
  const versions = [...new Set(points.map(({ version }) => version))].sort(byNumber);
  const step = (width - left - right) / Math.max(versions.length, 1);
  const x = (version) => left + step * (versions.indexOf(version) + 0.5);
  const y = (rate) => top + (height - top - bottom) * (1 - (rate - floor) / (1 - floor));
  const axes = [1, (1 + floor) / 2, floor].flatMap((rate) => [
    draw("line", { class: "axis", x1: left, x2: width - right, y1: y(rate), y2: y(rate) }),
    draw("text", { x: left - 6, y: y(rate) + 4, "text-anchor": "end" }, `${+(rate * 100).toFixed(1)} %`)]);
  const every = Math.ceil(versions.length / 6);
  const labels = versions.filter((_, position) => position % every === 0).map((version) =>
    draw("text", { x: x(version), y: height - 6, "text-anchor": "middle" }, /\d+(\.\d+){0,2}|$/.exec(version)[0]));
  const names = [...new Set(points.map(({ name }) => name.split(/[@(]/)[0].trim()))];
  const series = names.flatMap((name, position) => {
    const own = points.filter((point) => point.name.split(/[@(]/)[0].trim() === name)
      .sort((one, other) => byNumber(one.version, other.version));
    const color = `color${position % 5}`;
    const line = own.map(({ version, rate }) => `${x(version).toFixed(1)},${y(rate).toFixed(1)}`).join(" ");
    return [draw("polyline", { class: `series ${color}`, points: line }), ...own.map((point) =>
      draw("circle", { class: color, cx: x(point.version), cy: y(point.rate), r: 3.5 },
        draw("title", {}, `${point.name}, ${point.version}: ${percent(point.rate)}`)))];
  });
  const words = points.map(({ name, version, rate }) => `${name} ${version}: ${percent(rate)}`).join("; ");
  const lines = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": words },
    ...axes, ...labels, ...series);
  const legend = make("ul", {}, ...names.map((name, position) => make("li", {},
    dot(`color${position % 5}`), ` ${name}`)));
  return make("figure", {}, make("figcaption", {}, engine), lines, legend);
}

function dot(color) {
  return draw("svg", { class: "dot", viewBox: "0 0 8 8", "aria-hidden": "true" },
    draw("circle", { class: color, cx: 4, cy: 4, r: 3 }));
}

// The grid. One cell of it can be reached with Tab, and the arrow keys move from there.
function showGrid(lanes, scripts) {
  const head = make("tr", {}, make("th", { scope: "col" }, "script"), ...lanes.map((lane) =>
    make("th", { scope: "col" }, make("span", {}, data.lanes[lane].name))));
  const rows = scripts.map((script) => make("tr", {}, make("th", { scope: "row" }, make("code", {}, script.path)),
    ...lanes.map((lane) => cellOf(script, lane))));
  byId("grid").replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
  byId("scroller").hidden = scripts.length === 0;
  const first = byId("grid").querySelector("td");
  if (first) first.tabIndex = 0;
}

function cellOf(script, lane) {
  const verdict = script.verdicts[lane];
  const [sign] = VERDICTS[verdict];
  const { name } = data.lanes[lane];
  const made = make("td", {
    role: "gridcell", tabindex: -1, "data-verdict": verdict,
    "aria-label": `${script.path}, ${name}: ${say(script, lane)}`,
  }, make("span", { "data-lane": name }, `${sign}${countOf(script, lane, verdict)}`));
  made.script = script;
  made.lane = lane;
  return made;
}

// The number that a cell shows.
function countOf(script, lane, verdict) {
  if (verdict === "none") return "";
  const [, [, , failed, unsupported, expected]] = data.results[script.cells[lane]];
  const count = { fail: failed, unsupported, expected }[verdict];
  return count ? ` ${count}` : "";
}

function say(script, lane) {
  const verdict = script.verdicts[lane];
  if (verdict === "none") return VERDICTS.none[1];
  const [, counts] = data.results[script.cells[lane]];
  const parts = COUNTS.slice(1).map((name, position) => [counts[position + 1], name]).filter(([count]) => count > 0);
  return `${VERDICTS[verdict][1]}; of ${plural(counts[0], "directive")} ` +
    (parts.map(([count, name]) => `${count.toLocaleString("en")} ${name}`).join(", ") || "none ran");
}

function moveFocus(event) {
  const cell = event.target.closest("td");
  if (!cell || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    openCell(cell.script, cell.lane);
    return;
  }
  const rows = [...byId("grid").tBodies[0].rows];
  const [row, column] = [rows.indexOf(cell.parentNode), cell.cellIndex];
  const last = cell.parentNode.cells.length - 1;
  const moves = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1], PageUp: [row - 10, column], PageDown: [row + 10, column],
    Home: [event.ctrlKey ? 0 : row, 1], End: [event.ctrlKey ? rows.length - 1 : row, last],
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  const clamp = (value, from, to) => Math.min(Math.max(value, from), to);
  focusCell(rows[clamp(move[0], 0, rows.length - 1)].cells[clamp(move[1], 1, last)]);
}

function focusCell(cell) {
  byId("grid").querySelectorAll('td[tabindex="0"]').forEach((other) => { other.tabIndex = -1; });
  cell.tabIndex = 0;
  cell.focus();
}

// The dialog with all that is to say of a script in a lane.
function openCell(script, lane) {
  const { name, engine, version } = data.lanes[lane];
  const verdict = script.verdicts[lane];
  byId("cell-title").replaceChildren(make("code", {}, script.path));
  byId("cell").setAttribute("aria-label", visible(`${script.path} in ${name}`));
  const parts = [make("p", {}, make("span", { class: `tag ${verdict}` }, VERDICTS[verdict][1]), " ",
    make("code", {}, name), ` ${engine} ${version}`), make("p", { class: "note" }, say(script, lane))];
  const has = (one) => one.lanes.includes(lane);
  const place = (line) => (line > 0 ? `${script.path}:${line}` : script.path);
  for (const block of (script.blocks || []).filter(has)) {
    const title = block.status === "flaky" ? "Failures of earlier attempts" : "Failures";
    parts.push(make("h3", {}, title), sharers(block.lanes, lane));
    parts.push(...block.failures.map((failure) => failureOf(failure, place(failure.line))));
    const more = `and ${block.more} more; the JSON report has them all`;
    if (block.more > 0) parts.push(make("p", { class: "note" }, more));
  }
  for (const one of script.disagreements || []) parts.push(disagreementOf(one, place(one.line)));
  for (const [kind, title] of [["unsupported", "Unsupported"], ["expected", "Failed as expected"]]) {
    const own = (script.reasons || []).filter((reason) => reason.kind === kind && has(reason));
    if (own.length > 0) parts.push(make("h3", {}, title));
    parts.push(...own.map((reason) => make("div", { class: "failure" }, make("code", {}, place(reason.line)),
      reason.count > 1 ? ` and ${plural(reason.count - 1, "more directive")}` : "", make("pre", {}, reason.text))));
  }
  document.querySelector("#cell > div").replaceChildren(...parts);
  byId("cell").showModal();
}

// Says which other lanes show the same.
function sharers(lanes, lane) {
  const others = lanes.filter((other) => other !== lane).map((other) => data.lanes[other].name);
  return make("p", { class: "note" }, others.length > 0 ? `the same in ${others.join(", ")}` : "in this lane alone");
}

function failureOf({ directive, message, source, frames }, place) {
  const both = /^expected ([^]*?), (?:got|but) ([^]*)$/.exec(message);
  const list = make("dl", {}, ...(both ? row("expected", both[1]).concat(row("seen", both[2])) : row("seen", message)),
    ...(frames ? row("at", frames.join("\n")) : []));
  return make("div", { class: "failure" }, make("code", {}, place), ` ${directive}`,
    ...(source ? [make("pre", { class: "source" }, source)] : []), list);
}

function row(name, text) {
  return [make("dt", {}, name), make("dd", {}, make("pre", {}, text))];
}

function disagreementOf({ directive, source, sides }, place) {
  const names = (lanes) => make("span", { class: "note" }, lanes.map((lane) => data.lanes[lane].name).join(", "));
  const rows = sides.flatMap(({ lanes, votes, shown }) => [
    make("dt", {}, votes > 0 ? plural(votes, "vote") : "no vote"),
    make("dd", {}, make("pre", {}, shown), names(lanes))]);
  return make("div", {}, make("h3", {}, "Disagreement"), make("div", { class: "failure" }, make("code", {}, place),
    ` ${directive}`, ...(source ? [make("pre", { class: "source" }, source)] : []), make("dl", {}, ...rows)));
}

// The changes since an older report.
function showChanges() {
  if (!data.against) return;
  const { name, worse, better, other } = data.against;
  byId("changes").hidden = false;
  byId("changes-title").replaceChildren("Changes since ", make("code", {}, visible(name)));
  const lists = [["worse", worse, "fail"], ["better", better, "pass"], ["other", other, "unsupported"]];
  const any = lists.filter(([, changes]) => changes.length > 0).map(([title, changes, tag]) =>
    make("details", title === "other" ? {} : { open: "" }, make("summary", {},
      make("span", { class: `tag ${tag}` }, `${changes.length} ${title}`)), make("ul", {}, ...changes.map(changeOf))));
  document.querySelector("#changes > div").replaceChildren(...(any.length > 0 ? any : ["Nothing changed."]));
}

function changeOf({ path, line, directive, lanes, text }) {
  const place = line > 0 ? `${path}:${line}` : path;
  const script = data.scripts.find((one) => one.path === path);
  const lane = data.lanes.findIndex((one) => lanes.includes(one.name));
  const words = [` ${directive} `, make("span", { class: "note" }, lanes.join(", ")), make("pre", {}, text)];
  if (!script || lane < 0) return make("li", {}, make("code", {}, place), ...words);
  const start = make("button", { type: "button" }, make("code", {}, place));
  start.addEventListener("click", () => openCell(script, lane));
  return make("li", {}, start, ...words);
}

fillFilters();
readAddress();
showChanges();
update();
// A change of the text field comes when it loses the focus, as by a click on a cell, which must not be replaced then.
for (const id of FILTERS) byId(id).addEventListener(id === "path" ? "input" : "change", update);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => setTimeout(update));
byId("grid").addEventListener("keydown", moveFocus);
byId("grid").addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  if (cell) { focusCell(cell); openCell(cell.script, cell.lane); }
});
