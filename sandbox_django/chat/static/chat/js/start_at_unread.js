// Scrolls the log to the first unread message. This is a classic script directly after the log: unlike a module, it
// runs before the browser first paints the page.
{
  const log = document.querySelector("[data-log]");
  const line = log.querySelector("[data-line=unread]");
  // Leaves a quarter of the log for messages above the line, which the user has read.
  log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 4;
}
