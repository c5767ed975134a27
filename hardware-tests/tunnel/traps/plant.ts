/** Loaded before anything else by `node --import`: plants the trap that the environment names. */
import { register } from 'node:module';
import { TRAPS } from './all.js';

const trap = TRAPS.find(({ name }) => name === process.env['EDGETWIN_TRAP']);
if (trap !== undefined)
  register('../../simulation/mutations/hooks.js', {
    parentURL: import.meta.url,
    data: trap.patches,
  });
