/** Loaded before anything else by `node --import`: plants the mutation that the environment names. */
import { register } from 'node:module';
import { MUTATIONS } from './all.js';

const mutation = MUTATIONS.find(({ name }) => name === process.env['EDGETWIN_MUTATION']);
if (mutation !== undefined)
  register('./hooks.js', { parentURL: import.meta.url, data: mutation.patches });
