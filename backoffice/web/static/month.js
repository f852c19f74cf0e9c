// In a month, arrows go from day to day and week to week; without this script, Tab does.
"use strict";
for (const table of document.querySelectorAll("table[data-month]")) {
  table.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const cell = event.target.closest("td");
    if (!step || !cell) return;
    const rows = [...table.tBodies[0].rows];
    let row = rows.indexOf(cell.parentElement);
    let column = cell.cellIndex;
    for (let tries = 0; tries < 42; tries += 1) {
      row += step[0];
      column += step[1];
      if (column < 0) { column = 6; row -= 1; }
      if (column > 6) { column = 0; row += 1; }
      if (!rows[row]) return;
      const target = rows[row].cells[column].querySelector("a, button");
      if (target) {
        event.preventDefault();
        target.focus();
        return;
      }
    }
  });
}
