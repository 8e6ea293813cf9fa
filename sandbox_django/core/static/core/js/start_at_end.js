// A classic script right behind the log: it runs before the page is first painted, which no module does.
{
  const log = document.currentScript.previousElementSibling;
  log.scrollTop = log.scrollHeight;
}
