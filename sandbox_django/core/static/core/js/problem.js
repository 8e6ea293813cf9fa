// The place in a form or row that shows why something failed.

export function showProblem(place, words) {
  place.textContent = words;
  place.hidden = !words;
}
