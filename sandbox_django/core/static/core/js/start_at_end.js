// A classic script behind the log and what stands below it: it runs before the page is first painted, as no module does.
{
  const log = document.querySelector("[data-log]");
  log.scrollTop = log.scrollHeight;
}
