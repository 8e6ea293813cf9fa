// The browser's clock and timers. Tests pass others.

export const systemClock = {
  now: () => Date.now(),
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};
