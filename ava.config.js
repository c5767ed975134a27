// Tests run compiled: what is tested is what ships.
export default {
  files: ['dist/**/*.test.js', '!dist/**/*.long.test.js'],
  workerThreads: false,
  concurrency: 2,
  timeout: '2m',
};
