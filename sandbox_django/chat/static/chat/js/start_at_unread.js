// A classic script behind the log and its foot: unlike a module, it runs before the page is first painted.
{
  const log = document.querySelector("[data-log]");
  const line = log.querySelector("[data-line=unread]");
  // With some of the messages above it that were read before.
  log.scrollTop += line.getBoundingClientRect().top - log.getBoundingClientRect().top - log.clientHeight / 4;
}
