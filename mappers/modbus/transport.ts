import type { Clock } from '#protocol/clock.js';
import { listenLink } from '../listen-link.js';
import type { OpenLink } from '../link.js';
import { serialLink } from '../serial-port.js';
import { tcpLink } from '../tcp-link.js';
import { tlsLink } from '../tls-link.js';
import { udpLink } from '../udp-link.js';
import { AsciiFraming } from './ascii-framing.js';
import { Bus } from './bus.js';
import type { BusSettings } from './bus-settings.js';
import { MbapFraming } from './mbap-framing.js';
import { RtuFraming } from './rtu-framing.js';

/** What a device may ask of the bus that it is on. */
export interface BusOptions {
  /** Most requests under way on a TCP connection. */
  readonly depth?: number;
  /** More milliseconds of silence before a request than the line's own. */
  readonly silenceMs?: number;
}

/** The scheduler of a bus and the way to open its link. */
export function busOf(
  settings: BusSettings,
  clock: Clock,
  options: BusOptions = {},
): { readonly bus: Bus; readonly open: OpenLink } {
  switch (settings.transport) {
    case 'rtu':
      return {
        bus: new Bus(new RtuFraming(settings.baudRate), options),
        open: serialLink(settings, clock),
      };
    case 'ascii':
      return {
        bus: new Bus(new AsciiFraming(settings.baudRate), options),
        open: serialLink(settings, clock),
      };
    case 'rtu-over-tcp':
      // The server at the other end keeps the silence of its own line.
      return {
        bus: new Bus(new RtuFraming(settings.baudRate, 0), options),
        open: tcpLink(settings, clock),
      };
    case 'tcp':
      return { bus: new Bus(new MbapFraming(), options), open: tcpLink(settings, clock) };
    case 'tls':
      return { bus: new Bus(new MbapFraming(), options), open: tlsLink(settings, clock) };
    case 'udp':
      return { bus: new Bus(new MbapFraming(), { ...options, depth: 1 }), open: udpLink(settings) };
    case 'listen':
      return { bus: new Bus(new MbapFraming(), options), open: listenLink(settings) };
  }
}
