// Long proofs: many seeds, many kills. Hours of evidence at a size that fits CI.
export default {
  files: ['dist/**/*.long.test.js'],
  workerThreads: false,
  concurrency: 2,
  timeout: '30m',
};
