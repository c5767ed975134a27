import type { Action } from './action.js';
import { CARDS } from './cards.js';
import { CLOCKS } from './clocks.js';
import { CLONES } from './clones.js';
import { COMMANDS } from './commands.js';
import { DISKS } from './disks.js';
import { HUB_CARDS } from './hub-cards.js';
import { HUB_DEVICES } from './hub-devices.js';
import { LINKS } from './links.js';
import { POWER } from './power.js';
import { SENSORS } from './sensors.js';
import { WISHES } from './wishes.js';

/** Everything that a storm may bring. */
export const ACTIONS: readonly Action[] = [
  ...WISHES,
  ...COMMANDS,
  ...LINKS,
  ...POWER,
  ...DISKS,
  ...CLOCKS,
  ...SENSORS,
  ...HUB_DEVICES,
  ...CARDS,
  ...HUB_CARDS,
  ...CLONES,
];
