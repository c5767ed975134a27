import { symbolRoom, type Exchange } from '../recovery/exchange.js';
import { frameRoom } from './packet-composer.js';
import type { Traffic } from './traffic.js';

/** Offers as much of `traffic` as one packet with so much room takes, the most urgent first. */
export function fill(
  { sender, path }: Exchange,
  traffic: Traffic,
  room: number,
  urgentSymbols: number,
  now: number,
): void {
  const bytes = symbolRoom(frameRoom(path.mtu.bytes));
  for (let filled = sender.unsentBytes; filled < room && sender.room > 0;) {
    const parcel = traffic.next(bytes, sender.room <= urgentSymbols, now);
    if (parcel === undefined) {
      sender.finish();
      return;
    }
    sender.offer(parcel.data, parcel.point, now);
    filled += parcel.data.length + 6;
  }
}
