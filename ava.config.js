// Tests run compiled: what is tested is what ships.
export default {
  files: ['dist/**/*.test.js', '!dist/**/*.long.test.js'],
  workerThreads: false,
  // Many wait for programs, timers and syncs: more than cores.
  concurrency: 3,
  timeout: '4m',
};
