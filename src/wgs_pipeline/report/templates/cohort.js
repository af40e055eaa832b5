"use strict";
(function () {
  var form = document.getElementById("filter");
  var shown = document.getElementById("shown");
  var samples = Array.from(document.querySelectorAll("#rows [data-sample]"));
  var marks = Array.from(document.querySelectorAll("[data-row]"));
  var listed = Array.from(document.querySelectorAll("tr[data-of]"));

  function fits(sample) {
    var text = form.elements.text.value.trim().toLowerCase();
    var verdict = form.elements.verdict.value;
    var batches = Array.from(form.querySelectorAll("select[data-factor]")).every(function (select) {
      var wanted = select.dataset.factor + "=" + select.value + "\n";
      return !select.value || sample.dataset.batches.includes(wanted);
    });
    return (
      batches &&
      sample.dataset.sample.toLowerCase().includes(text) &&
      (!verdict || sample.dataset.verdict === verdict)
    );
  }

  function filter() {
    var kept = samples.map(fits);
    var names = new Set();
    samples.forEach(function (sample, row) {
      if (kept[row]) {
        names.add(sample.dataset.sample);
      }
    });
    marks.forEach(function (mark) {
      mark.classList.toggle("away", !kept[Number(mark.dataset.row)]);
    });
    listed.forEach(function (row) {
      row.hidden = !names.has(row.dataset.of);
    });
    shown.textContent =
      names.size === samples.length
        ? samples.length + " samples"
        : names.size + " of " + samples.length + " samples";
  }

  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("submit", function (event) {
    event.preventDefault();
  });
  form.hidden = false;
  filter();
})();
