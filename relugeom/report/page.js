/* Search, filter, and open everything for print; without this script the page only lacks these. */
"use strict";
(() => {
  const form = document.querySelector(".tools");
  const claims = [...document.querySelectorAll(".claim")];
  if (!form) return;
  form.hidden = false;
  const search = document.getElementById("search"), found = document.getElementById("found");
  const boxes = [...document.querySelectorAll(".filter")];
  const texts = claims.map((claim) => (claim.id + " " + claim.textContent).toLowerCase());
  function update() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    claims.forEach((claim, k) => {
      const kept = verdicts.has(claim.dataset.verdict) && words.every((word) => texts[k].includes(word));
      claim.hidden = !kept;
      count += kept;
    });
    document.querySelectorAll(".group").forEach((group) => {
      group.hidden = !group.querySelector(".claim:not([hidden])");
    });
    found.textContent = count === claims.length ? "" : count + " of " + claims.length + " claims";
  }
  search.addEventListener("input", update);
  boxes.forEach((box) => box.addEventListener("change", update));
  form.addEventListener("submit", (event) => event.preventDefault());
  const all = (open) => claims.forEach((claim) => { if (!claim.hidden) claim.open = open; });
  document.getElementById("open").addEventListener("click", () => all(true));
  document.getElementById("close").addEventListener("click", () => all(false));
  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) target.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
