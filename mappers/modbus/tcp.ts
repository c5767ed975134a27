import type { Clock } from '#protocol/clock.js';
import type { OpenLink } from '../link.js';
import { tcpLink, type TcpSettings } from '../tcp-link.js';
import { Bus } from './bus.js';
import { MbapFraming } from './framing.js';

/** The bus and the link of one Modbus TCP server or gateway. */
export function tcpBus(settings: TcpSettings, clock: Clock): { bus: Bus; open: OpenLink } {
  return { bus: new Bus(new MbapFraming()), open: tcpLink(settings, clock) };
}
