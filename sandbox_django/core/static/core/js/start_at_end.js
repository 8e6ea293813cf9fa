// A classic script behind the log and its foot: unlike a module, it runs before the page is first painted.
{
  const log = document.querySelector("[data-log]");
  log.scrollTop = log.scrollHeight;
}
