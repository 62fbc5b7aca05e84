// The pages of care: clocks that tick, a list walked with j and k, several cases at once, and a list that
// refreshes by itself without disturbing whoever is using it.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const isTyping = (element) =>
    element instanceof HTMLElement
    && (element.isContentEditable || element.matches("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select"));
  const isOpen = () => document.querySelector("dialog[open], details.drawer[open], details[data-menu][open]");

  /* Clocks: the server's time, not the device's */
  let ahead = 0; // milliseconds that the server's clock is ahead of this device's

  function readClock() {
    const clock = document.querySelector("[data-clock]");
    if (clock) ahead = Date.parse(clock.dataset.clock) - Date.now();
  }

  // The page brings the words in its reader's language: "{days} d {hours} h".
  function fill(name, values) {
    const said = document.querySelector("[data-clock]").dataset[name];
    return said.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
  }

  function words(milliseconds) {
    const seconds = Math.floor(Math.abs(milliseconds) / 1000);
    const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
    const two = (number) => String(number).padStart(2, "0");
    if (days >= 2) return fill("days", { days, hours: hours % 24 });
    if (hours) return fill("hours", { hours, minutes: two(minutes % 60) });
    return fill("minutes", { minutes: `${minutes}:${two(seconds % 60)}` });
  }

  function tick() {
    if (!document.querySelector("[data-clock]")) return;
    const now = Date.now() + ahead;
    for (const time of all("time[data-due]")) {
      const left = Date.parse(time.dateTime) - now;
      const said = left >= 0 ? words(left) : fill("late", { span: words(left) });
      if (time.textContent !== said) time.textContent = said;
      time.parentElement.classList.toggle("due-late", left < 0);
      time.parentElement.classList.toggle("due-soon", left >= 0 && left < 3600000);
    }
  }

  /* Walking the list */
  const rows = () => all("[data-row]").filter((row) => row.querySelector("[data-row-link]"));
  const rowOf = (element) => (element instanceof Element ? element.closest("[data-row]") : null);

  function walk(by) {
    const list = rows();
    if (!list.length) return;
    const at = list.indexOf(rowOf(document.activeElement));
    const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + by, 0), list.length - 1);
    const link = list[next].querySelector("[data-row-link]");
    link.focus();
    list[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      const back = document.querySelector("[data-back]");
      if (back && !isOpen() && !isTyping(event.target)) back.click();
      return;
    }
    if (isTyping(event.target) || document.body.dataset.singleKeys === "off" || document.querySelector("dialog[open]")) return;
    if (event.key === "j" || event.key === "k") { walk(event.key === "j" ? 1 : -1); event.preventDefault(); return; }
    const row = rowOf(document.activeElement);
    if (!row) return;
    if (event.key === "a") { const take = row.querySelector("[data-take]"); if (take) take.click(); }
    if (event.key === "x") { const box = row.querySelector("[data-tick]"); if (box) box.click(); }
    if ("enrs".includes(event.key)) location.assign(`${row.querySelector("[data-row-link]").href}#key-${event.key}`);
  }, true);

  // What was asked for from the list opens on the case's own page; nothing is done by an address alone.
  function openAsked() {
    const asked = /^#key-([enrs])$/.exec(location.hash);
    const summary = asked && document.querySelector(`summary[data-key="${asked[1]}"]`);
    if (!summary) return;
    history.replaceState(null, "", location.pathname);
    summary.click();
    const first = summary.parentElement.querySelector("textarea, select, input:not([type=hidden])");
    if (first) first.focus();
  }

  // One drawer at a time: what is open is what one is doing.
  document.addEventListener("toggle", (event) => {
    const drawer = event.target;
    if (!(drawer instanceof HTMLDetailsElement) || !drawer.open || !drawer.parentElement.matches(".acts")) return;
    for (const other of all(".acts > details[open]")) if (other !== drawer) other.open = false;
  }, true);

  /* Several cases at once */
  const ticked = new Set();
  const most = () => Number(byId("bulk-bar").dataset.most);

  function showBulk() {
    const bar = byId("bulk-bar");
    if (!bar) return;
    bar.hidden = !ticked.size;
    document.querySelector("[data-ticked]").textContent = String(ticked.size);
    const boxes = all("[data-tick]");
    for (const box of boxes) box.closest("[data-row]").classList.toggle("is-ticked", box.checked);
    const whole = document.querySelector("[data-tick-all]");
    if (whole) {
      whole.checked = boxes.length > 0 && (ticked.size >= most() || boxes.every((box) => box.checked));
      whole.indeterminate = !whole.checked && boxes.some((box) => box.checked);
    }
  }

  function note(box) {
    if (ticked.size >= most() && !ticked.has(box.dataset.tick)) box.checked = false;
    if (box.checked) ticked.add(box.dataset.tick); else ticked.delete(box.dataset.tick);
  }

  function showFields() {
    const act = byId("choice-act");
    if (!act) return;
    for (const part of all("#bulk [data-for]")) part.hidden = !part.dataset.for.split(" ").includes(act.value);
  }

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLElement)) return;
    if ("tickAll" in box.dataset) for (const one of all("[data-tick]")) { one.checked = box.checked; note(one); }
    if ("tick" in box.dataset) note(box);
    if ("tickAll" in box.dataset || "tick" in box.dataset) showBulk();
    if (box.closest("#bulk") || "tick" in box.dataset || "tickAll" in box.dataset) {
      if (byId("bulk-told")) byId("bulk-told").replaceChildren(); // an older preview is none
    }
    showFields();
  });

  /* What refreshes by itself */
  let before = null; // where the focus was, and whether a poll is under way

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.target.matches("[data-poll]")) return;
    const row = rowOf(document.activeElement);
    before = row && event.detail.target.contains(row)
      ? { row: row.dataset.row, ticking: document.activeElement.matches("[data-tick]") } : null;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (!event.detail.target.matches("[data-poll]")) return;
    readClock();
    tick();
    const here = new Set(all("[data-tick]").map((box) => box.dataset.tick));
    for (const one of ticked) if (byId("bulk-bar") && !here.has(one)) ticked.delete(one);
    for (const box of all("[data-tick]")) box.checked = ticked.has(box.dataset.tick);
    showBulk();
    if (!before) return;
    const row = document.querySelector(`[data-row="${CSS.escape(before.row)}"]`);
    const again = row && row.querySelector(before.ticking ? "[data-tick]" : "[data-row-link]");
    if (again) again.focus({ preventScroll: true });
    before = null;
  });

  readClock();
  tick();
  setInterval(tick, 1000);
  showFields();
  showBulk();
  openAsked();
})();
