// Scrolls the log to its end. This is a classic script after the log and the elements below it, because a module would
// run only after the page is first painted.
{
  const log = document.querySelector("[data-log]");
  log.scrollTop = log.scrollHeight;
}
