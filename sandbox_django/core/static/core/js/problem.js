// Shows an error in a form or row.

export function showProblem(place, words) {
  place.textContent = words;
  place.hidden = !words;
}
