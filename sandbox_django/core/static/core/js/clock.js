// The browser's clock and timers, which tests replace.

export const systemClock = {
  now: () => Date.now(),
  setTimeout: (job, delay) => setTimeout(job, delay),
  clearTimeout: (timer) => clearTimeout(timer),
};
