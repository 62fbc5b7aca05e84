// An order's page keeps itself up to date, but never takes away what somebody reads, writes or has opened.
(() => {
  "use strict";

  const isInUse = (part) =>
    part.contains(document.activeElement) || Boolean(part.querySelector("details[open], .htmx-request"));

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id === "live" && document.hidden) event.preventDefault();
  });

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (isInUse(event.detail.target)) event.detail.shouldSwap = false;
  });

  // The timeline comes with its key facts; show again what was chosen.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "timeline") return;
    const chosen = document.querySelector('[data-filter="timeline"][aria-pressed="true"]');
    if (chosen) chosen.click();
  });
})();
