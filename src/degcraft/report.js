// Puts the picture "after" over the picture "before" and lets a slider uncover it. Without it, in print, and where it
// does not run, the two stand side by side.
for (const figure of document.querySelectorAll("figure.slider")) {
  const range = figure.querySelector("input");
  const uncover = () => figure.style.setProperty("--at", range.value + "%");
  range.addEventListener("input", uncover);
  range.hidden = false;
  figure.classList.add("live");
  uncover();
}
