import type { Clock } from '#protocol/clock.js';
import type { OpenLink } from '../link.js';
import { serialLink, type SerialSettings } from '../serial-port.js';
import { Bus } from './bus.js';
import { RtuFraming } from './framing.js';

/** The bus and the link of one serial line. */
export function rtuBus(settings: SerialSettings, clock: Clock): { bus: Bus; open: OpenLink } {
  return { bus: new Bus(new RtuFraming(settings.baudRate)), open: serialLink(settings, clock) };
}
