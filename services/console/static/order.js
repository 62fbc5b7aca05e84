// An order's page, the staff's and the customer's, keeps itself up to date, but never takes away what somebody reads,
// writes or has opened, nor what was sent and not answered: it is sent again under the same key.
(() => {
  "use strict";

  const isInUse = (part) =>
    part.contains(document.activeElement) || Boolean(part.querySelector("details[open], .htmx-request"));

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id === "live" && document.hidden) event.preventDefault();
  });

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (isInUse(event.detail.target) || !document.getElementById("unsaved").hidden) event.detail.shouldSwap = false;
  });

  // The timeline comes with its key facts; show again what was chosen.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "timeline") return;
    const chosen = document.querySelector('[data-filter="timeline"][aria-pressed="true"]');
    if (chosen) chosen.click();
  });
})();
