// What pages need beyond htmx: keys, refusals beside the action, copying, closing what is open, the red bar.
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const singleKeysAct = () => document.body.dataset.singleKeys !== "off";
  const isTyping = (element) =>
    element instanceof HTMLElement && (element.isContentEditable ||
      element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=reset])"));

  function toast(text) {
    const note = document.createElement("p");
    note.className = "toast";
    note.textContent = text;
    byId("toasts").append(note);
    setTimeout(() => note.remove(), 6000);
  }

  function openSheet(id) {
    const sheet = byId(id);
    if (sheet && !sheet.open) sheet.showModal();
  }

  // A refusal belongs beside what was refused: in the form's own .problem, else at the top of the page.
  function placeOf(element) {
    const form = element.closest("form");
    return (form && form.querySelector(".problem")) || byId("problem");
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (xhr.status < 400 || xhr.getResponseHeader("HX-Redirect")) return;
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    event.detail.swapOverride = "innerHTML";
    event.detail.target = placeOf(requestConfig.elt);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = placeOf(event.detail.elt);
    if (place) place.replaceChildren();
  });

  // Until the server has answered nothing is done: say so, loudly, until that very form was answered. What only
  // looks owes nothing. A form marked data-retry is sent again by itself, any other when somebody presses again.
  const NO_ANSWER = new Set([502, 503, 504]);
  const owing = new Set();
  const formOf = (element) => (element instanceof Element ? element.closest("form") : null);
  const isAgain = (form) => form.matches("[data-retry]");

  function showOwing() {
    const bar = byId("unsaved");
    const owed = [...owing].filter((form) => form.isConnected);
    bar.hidden = !owed.length;
    const told = owed.some((form) => !isAgain(form)) ? "press" : "again";
    for (const words of bar.querySelectorAll("[data-told]")) words.hidden = words.dataset.told !== told;
  }

  function owe(form) { owing.add(form); showOwing(); }
  function settle(form) { if (owing.delete(form)) showOwing(); }

  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const form = formOf(event.detail.elt);
      if (form && !("poll" in event.detail.elt.dataset)) owe(form);
    });
  }
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const form = formOf(event.detail.requestConfig.elt);
    if (!form) return;
    if (isAgain(form) && NO_ANSWER.has(event.detail.xhr.status)) owe(form); else settle(form);
  });
  // What would be swapped for something new keeps the key under which it is sent again.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const place = event.detail.elt;
    if ("poll" in place.dataset && [...owing].some((form) => place.contains(form))) event.preventDefault();
  });
  document.addEventListener("toast", (event) => toast(event.detail.value));

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const opener = event.target.closest("[data-open]");
    if (opener) openSheet(opener.dataset.open);
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  async function copy(button) {
    const source = byId(button.dataset.copy);
    const text = "value" in source ? source.value : source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      source.focus();
      if (source.select) source.select();
      document.execCommand("copy");
    }
    toast(button.dataset.copied);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      const open = [...document.querySelectorAll("details.drawer[open], details[data-menu][open]")].pop();
      if (open) { open.open = false; open.querySelector("summary").focus(); event.preventDefault(); }
      else if (isTyping(event.target)) event.target.blur();
      return;
    }
    if (isTyping(event.target) || !singleKeysAct() || document.querySelector("dialog[open]")) return;
    if (event.key === "/") {
      const box = document.querySelector("[data-search]");
      if (box) { box.focus(); box.select(); event.preventDefault(); } else if (byId("main")) location.assign("/look-up");
      return;
    }
    if (event.key === "?") { openSheet("keys"); event.preventDefault(); return; }
    const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (wanted) { act(wanted); event.preventDefault(); }
  });

  function act(element) {
    element.scrollIntoView({ block: "nearest" });
    element.click();
    const drawer = element.closest("details.drawer");
    const first = drawer && drawer.open && drawer.querySelector("input:not([type=hidden]), select, textarea, button");
    if (first) first.focus(); else element.focus();
  }

  // One list at a time is filtered by the chips that name it: data-filter="timeline" data-only="carrier".
  document.addEventListener("click", (event) => {
    const chip = event.target instanceof Element && event.target.closest("[data-filter]");
    if (!chip) return;
    for (const other of document.querySelectorAll(`[data-filter="${chip.dataset.filter}"]`)) {
      other.setAttribute("aria-pressed", String(other === chip));
    }
    for (const item of byId(chip.dataset.filter).children) {
      item.hidden = Boolean(chip.dataset.only) && !item.dataset.kind.split(" ").includes(chip.dataset.only);
    }
  });

  // It counts at once, and is kept for this person on whatever device they sign in next.
  function keepSingleKeys(box) {
    document.body.dataset.singleKeys = box.checked ? "on" : "off";
    const body = new URLSearchParams({ csrf: box.dataset.csrf, act: String(box.checked) });
    fetch("/keys", { method: "POST", body, redirect: "manual" }).then(() => settle(box), () => owe(box));
  }

  function begin() {
    const single = byId("single-keys");
    if (single) {
      single.checked = singleKeysAct();
      single.addEventListener("change", () => keepSingleKeys(single));
    }
    setTimeout(() => document.querySelectorAll(".toasts .toast").forEach((note) => note.remove()), 6000);
  }
  begin();
})();
