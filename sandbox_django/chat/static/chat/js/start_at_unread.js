// A classic script behind the log and what stands below it: it runs before the page is first painted, as no module does.
{
  const log = document.querySelector("[data-log]");
  const line = log.querySelector("[data-line=unread]");
  // With something of what was read before above it.
  log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 4;
}
