"use strict";
(function () {
  var form = document.getElementById("filter");
  var shown = document.getElementById("shown");
  var parts = Array.from(document.querySelectorAll("[data-sample]"));

  function open() {
    var chosen = location.hash && document.getElementById(location.hash.slice(1));
    if (chosen && chosen.tagName === "DETAILS") {
      chosen.open = true;
    }
  }

  function filter() {
    var text = form.elements.text.value.trim().toLowerCase();
    var verdict = form.elements.verdict.value;
    var state = form.elements.state.value;
    var rows = 0;
    var all = 0;
    parts.forEach(function (part) {
      var wanted =
        part.dataset.sample.toLowerCase().includes(text) &&
        (!verdict || part.dataset.verdict === verdict) &&
        (!state || part.dataset.state === state);
      part.hidden = !wanted;
      if (part.tagName === "TR") {
        all += 1;
        rows += wanted ? 1 : 0;
      }
    });
    shown.textContent = rows === all ? all + " samples" : rows + " of " + all + " samples";
  }

  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("submit", function (event) {
    event.preventDefault();
  });
  window.addEventListener("hashchange", open);
  form.hidden = false;
  filter();
  open();
})();
