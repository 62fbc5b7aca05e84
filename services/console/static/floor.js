// The warehouse's pages: a scanner's reading always finds its field, right and wrong are heard,
// and nothing counts before the server answered: what got no answer is sent again under the same key.
(() => {
  "use strict";

  const MUTED = "doorstep.muted";
  const RETRY_MS = [1000, 2000, 3000, 5000];
  const NO_ANSWER = new Set([502, 503, 504]);
  const byId = (id) => document.getElementById(id);
  const scanField = () => byId("scan");
  const isField = (element) =>
    element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));

  // What the server has not answered yet: the form, how often it was sent, and when it is sent next.
  let pending = null;

  /* Sound */
  const TUNES = {
    right: [[880, 0.07, "sine"], [1320, 0.1, "sine"]],
    done: [[660, 0.09, "sine"], [880, 0.09, "sine"], [1320, 0.2, "sine"]],
    ask: [[587, 0.14, "triangle"], [587, 0.14, "triangle"]],
    wrong: [[170, 0.2, "square"], [120, 0.32, "square"]],
  };
  const BUZZES = { right: [40], done: [40, 40, 120], ask: [80, 60, 80], wrong: [300, 80, 300] };
  const isMuted = () => localStorage.getItem(MUTED) === "yes";
  let audio = null;

  function play(tone) {
    if (isMuted() || !TUNES[tone]) return;
    if (navigator.vibrate) navigator.vibrate(BUZZES[tone]);
    if (!window.AudioContext) return;
    audio = audio || new AudioContext();
    if (audio.state === "suspended") audio.resume();
    let at = audio.currentTime;
    for (const [pitch, seconds, shape] of TUNES[tone]) {
      const voice = audio.createOscillator();
      const loudness = audio.createGain();
      voice.type = shape;
      voice.frequency.value = pitch;
      loudness.gain.setValueAtTime(0.25, at);
      loudness.gain.exponentialRampToValueAtTime(0.01, at + seconds);
      voice.connect(loudness).connect(audio.destination);
      voice.start(at);
      voice.stop(at + seconds);
      at += seconds;
    }
  }

  function showMute() {
    for (const button of document.querySelectorAll("[data-mute]")) {
      button.setAttribute("aria-pressed", String(!isMuted()));
      button.textContent = isMuted() ? button.dataset.off : button.dataset.on;
    }
  }

  /* The scan field */
  function focusScan() {
    const field = scanField();
    if (field && !document.querySelector("dialog[open], details.drawer[open]")) field.focus({ preventScroll: true });
  }

  /* A reading that came while a number had the focus: keys as quick as a scanner's, then Enter */
  const BURST_MS = 60;
  const BURST_LEAST = 4;
  let burst = null; // the field, what it held before, what was read, and when its last key came

  function takeReading({ field, before, text }) {
    field.value = before;
    const scan = scanField();
    if (!scan) { play("wrong"); return; }
    if (pending && !isAside()) { tell(pending.form, "wait"); play("wrong"); return; }
    scan.value = text;
    scan.focus({ preventScroll: true });
    scan.form.requestSubmit();
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || field.type !== "number") { burst = null; return; }
    const goesOn = burst && burst.field === field && event.timeStamp - burst.at <= BURST_MS;
    if (event.key === "Enter") {
      const isReading = goesOn && burst.text.length >= BURST_LEAST;
      const isCount = field.form && "scanner" in field.form.dataset;
      if (isReading || isCount) { event.preventDefault(); event.stopPropagation(); }
      if (isReading) takeReading(burst); else if (isCount) focusScan();
      burst = null;
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (!goesOn) burst = { field, before: field.value, text: "", at: 0 };
      burst.text += event.key;
      burst.at = event.timeStamp;
    }
  }, true);

  document.addEventListener("keydown", (event) => {
    const field = scanField();
    if (!field || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    if (pending && !isAside()) { if (!isField(event.target) || event.target === field) refuseWhileWaiting(event); return; }
    if (isField(event.target) || event.key === " " || event.key === "?" || event.key === "/") return;
    if (document.querySelector("dialog[open]")) return;
    field.focus(); // the key that was pressed goes where the focus now is
    event.stopPropagation();
  }, true);

  function refuseWhileWaiting(event) {
    event.preventDefault();
    event.stopPropagation();
    tell(pending.form, "wait");
    play("wrong");
  }

  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element)) return;
    const target = event.target.closest("[data-step], [data-fill], [data-mute], [data-keyboard]");
    if (target) return press(target);
    if (!event.target.closest("a, button, input, select, textarea, summary, label, dialog, details")) focusScan();
  });

  function press(button) {
    const field = byId(button.dataset.for);
    if (button.dataset.step) {
      const next = Number(field.value || 0) + Number(button.dataset.step);
      field.value = Math.min(Math.max(next, Number(field.min)), Number(field.max));
    } else if (button.dataset.fill) {
      field.value = button.dataset.fill;
      focusScan();
    } else if ("mute" in button.dataset) {
      localStorage.setItem(MUTED, isMuted() ? "no" : "yes");
      showMute();
    } else {
      const typing = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(typing));
      scanField().inputMode = typing ? "text" : "none";
      scanField().blur();
      scanField().focus();
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement && "go" in event.target.dataset) event.target.form.requestSubmit();
  });

  /* The box that was used last is offered again */
  function recall() {
    for (const field of document.querySelectorAll("[data-remember]")) {
      if (!field.value) field.value = localStorage.getItem(`doorstep.${field.dataset.remember}`) || field.dataset.otherwise || "";
    }
  }

  document.addEventListener("submit", (event) => {
    for (const field of event.target.querySelectorAll("[data-remember]")) {
      localStorage.setItem(`doorstep.${field.dataset.remember}`, field.value);
    }
  }, true);

  /* Sending, and sending again */
  const formOf = (element) => (element instanceof Element ? element.closest("form[data-retry]") : null);

  // A scanner can be quicker than the script that takes a new form over: then it takes it over now.
  document.addEventListener("submit", (event) => {
    const form = formOf(event.target);
    if (form && window.htmx) window.htmx.process(form);
  }, true);

  function tell(form, which) {
    const note = form.querySelector(".sending");
    if (!note) return;
    note.textContent = note.dataset[which] || "";
    note.hidden = !note.textContent;
  }

  function lock(form, locked) {
    for (const field of form.querySelectorAll("input:not([type=hidden]), textarea")) field.readOnly = locked;
    form.setAttribute("aria-busy", String(locked));
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = formOf(event.detail.elt);
    if ("poll" in event.detail.elt.dataset) {
      // What refreshes by itself never disturbs somebody who is using it.
      if (pending || document.hidden || event.detail.elt.contains(document.activeElement)) event.preventDefault();
      return;
    }
    if (form && "find" in form.dataset && isAside()) leaveAside();
    if (pending && pending.form !== form) { event.preventDefault(); tell(pending.form, "wait"); play("wrong"); return; }
    if (!form) return;
    if (!pending && !("aside" in form.dataset)) withdrawVerdict();
    pending = pending || { form, tries: 0, timer: 0 };
    if (!pending.tries) watchShelf(form);
    pending.tries += 1;
    clearTimeout(pending.timer);
    lock(form, true);
    tell(form, pending.tries > 1 ? "again" : "sending");
  });

  // The label comes by itself: who goes on to the next tote need not wait for it; who finds none waits on.
  const isAside = () => pending !== null && "aside" in pending.form.dataset;
  let leftAside = null;
  function leaveAside() {
    leftAside = pending.form;
    settle(leftAside);
    window.htmx.trigger(leftAside, "htmx:abort");
  }
  function takeUpAside() {
    const form = leftAside;
    leftAside = null;
    if (form && form.isConnected) window.htmx.trigger(form, "submit");
  }

  // Whoever stands at the bench waits so long for a label and no longer, whatever keeps its answer away.
  function watchShelf(form) {
    const waiting = form.parentElement.querySelector("[data-shelf-after]");
    if (!waiting) return;
    setTimeout(() => {
      const [asking, shelf] = waiting.children;
      if (!waiting.isConnected || !shelf.hidden) return;
      asking.hidden = true;
      shelf.hidden = false;
      play("ask");
    }, Number(waiting.dataset.shelfAfter) * 1000);
  }

  // What the scan before came to says nothing about this one.
  function withdrawVerdict() {
    for (const told of document.querySelectorAll("[data-verdict]")) {
      told.removeAttribute("data-verdict");
      told.classList.add("verdict-gone");
    }
  }

  function tryAgain(form) {
    if (!pending || pending.form !== form) return;
    tell(form, "again");
    if (pending.tries === 1) play("wrong");
    pending.timer = setTimeout(() => window.htmx.trigger(form, "submit"), RETRY_MS[Math.min(pending.tries, RETRY_MS.length) - 1]);
  }

  function settle(form) {
    if (!pending || pending.form !== form) return;
    clearTimeout(pending.timer);
    pending = null;
    if (form.isConnected) { lock(form, false); tell(form, ""); }
  }

  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      const form = formOf(event.detail.elt);
      if (form) tryAgain(form);
    });
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const form = formOf(event.detail.requestConfig.elt);
    if (!form) return;
    if (NO_ANSWER.has(event.detail.xhr.status)) event.detail.shouldSwap = false;
  });

  // Before anything of the answer is acted on: it may lead to another page.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const form = formOf(event.detail.elt);
    if (!form || NO_ANSWER.has(event.detail.xhr.status)) return;
    settle(form);
    if ("find" in form.dataset) form.elements.q.value = "";
  });

  document.addEventListener("htmx:afterOnLoad", (event) => {
    const form = formOf(event.detail.requestConfig.elt);
    if (form && NO_ANSWER.has(event.detail.xhr.status)) tryAgain(form);
  });

  const askedBy = (event) => event.detail.requestConfig && event.detail.requestConfig.elt;

  // Pages settle with the swap (htmx-config in parts/head.html): moments later the next reading may have begun, or a
  // number may have been chosen, and neither may lose the focus.
  document.addEventListener("htmx:afterSwap", (event) => {
    const field = scanField();
    const asked = askedBy(event);
    if (field && asked && event.detail.xhr.status >= 400) field.value = "";
    if (!asked || !("poll" in asked.dataset)) focusScan();
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    showMute();
    recall();
    const place = event.detail.target;
    const told = place.matches(".problem") ? place.firstElementChild : place.querySelector("[data-verdict]");
    if (told) { play(told.dataset.verdict || "wrong"); told.scrollIntoView({ block: "nearest" }); }
    const asked = askedBy(event);
    if (asked && "find" in asked.dataset) takeUpAside();
  });

  window.addEventListener("online", () => { if (pending) window.htmx.trigger(pending.form, "submit"); });
  window.addEventListener("focus", focusScan);
  window.addEventListener("beforeunload", (event) => { if (pending) event.preventDefault(); });

  for (const button of document.querySelectorAll(".where button")) button.hidden = true; // choosing is enough
  showMute();
  recall();
  focusScan();
})();
