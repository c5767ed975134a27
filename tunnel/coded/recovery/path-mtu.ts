import { CODED_LIMITS } from '../limits.js';
import type { SentPacket } from './packet-ledger.js';

/**
 * Bytes of UDP payload that are tried, the longest first: Ethernet over IPv4, over IPv6 or 20 bytes
 * of tunnel, PPPoE and VPNs, mobile networks.
 */
const LENGTHS = [1_472, 1_452, 1_412, 1_372, 1_312] as const;
const { datagramBytes: BASE } = CODED_LIMITS;
/** IPv4 and UDP headers, as sent packets are counted. */
const IP_UDP_BYTES = 28;
/** Full packets that make a transfer worth a probe: messages alone never are. */
const WARM_PACKETS = 8;
/** A length is given up when so many probes in a row were lost, more where loss explains it. */
const PROBES_MIN = 3;
const PROBES_MAX = 10;
const EXPLAINED_BY_LOSS = 0.001;
/** Long packets lost in a row, over so long at least, while a short one got through: a black hole. */
const HOLE_PACKETS = 6;
const HOLE_MS = 200;
/** After what time a longer packet is tried again (RFC 8899 section 5.1.1: 600 s); doubled. */
const AGAIN_MS = 60_000;
const AGAIN_MAX_MS = 600_000;

/**
 * How long a datagram the path carries: packetization-layer discovery with probes (RFC 8899),
 * which needs no word of any router. Probes carry nothing, so their loss costs nothing. Pure;
 * `now` in milliseconds.
 */
export class PathMtu {
  readonly #longest: number;
  /** Index of the length that is tried. */
  #trying = 0;
  #bytes: number = BASE;
  #probe: number | undefined;
  #failed = 0;
  #full = 0;
  #dueAt = 0;
  #againMs = AGAIN_MS;
  #holes = 0;
  /** Long packets lost since one arrived, and when the first of them was sent. */
  #missing = { packets: 0, from: 0 };
  #askedAt = -Infinity;

  /** `longest`: bytes of UDP payload that the own network interface carries. */
  constructor(longest: number = LENGTHS[0]) {
    this.#longest = longest;
    this.#skip();
  }

  /** Bytes of UDP payload of the longest datagram that is known to get through. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Times that long packets ceased to get through. */
  get holes(): number {
    return this.#holes;
  }

  isProbe(number: number): boolean {
    return number === this.#probe;
  }

  /** Bytes of a probe that had better leave now. */
  probeDue(now: number): number | undefined {
    if (this.#full < WARM_PACKETS || this.#probe !== undefined || now < this.#dueAt)
      return undefined;
    return LENGTHS[this.#trying];
  }

  /** The probe left as this packet. */
  probed(number: number): void {
    this.#probe = number;
  }

  /**
   * Nothing is heard though long packets were sent: a short packet, asking for its acknowledgement,
   * shall tell whether they are the reason. Once a round trip.
   */
  asksShort(roundTripMs: number, now: number): boolean {
    if (this.#bytes === BASE || now < this.#askedAt + Math.max(roundTripMs, HOLE_MS)) return false;
    this.#askedAt = now;
    return true;
  }

  sent({ bytes }: SentPacket): void {
    if (bytes >= BASE) this.#full++;
  }

  /** What an acknowledgement said. `loss`: of the path. True: it has become shorter. */
  heard(
    {
      arrived,
      lost,
    }: { readonly arrived: readonly SentPacket[]; readonly lost: readonly SentPacket[] },
    loss: number,
    roundTripMs: number,
    now: number,
  ): boolean {
    const before = this.#bytes;
    for (const packet of lost)
      if (this.isProbe(packet.number)) this.#probeLost(loss, roundTripMs, now);
      else if (isLong(packet) && this.#missing.packets++ === 0) this.#missing.from = packet.sentAt;
    for (const packet of arrived)
      if (this.isProbe(packet.number)) this.#probeArrived(packet);
      else if (isLong(packet)) this.#missing.packets = 0;
      else this.#shortArrived(packet, roundTripMs, now);
    return this.#bytes < before;
  }

  #probeArrived({ bytes }: SentPacket): void {
    this.#probe = undefined;
    this.#failed = 0;
    this.#bytes = bytes - IP_UDP_BYTES;
    this.#missing.packets = 0;
    this.#trying = LENGTHS.length; // the longest were tried first
  }

  #probeLost(loss: number, roundTripMs: number, now: number): void {
    this.#probe = undefined;
    this.#failed++;
    this.#dueAt = now + roundTripMs / 2;
    const explained = Math.log(EXPLAINED_BY_LOSS) / Math.log(Math.max(loss, 1e-6));
    if (this.#failed < Math.min(Math.max(PROBES_MIN, explained), PROBES_MAX)) return;
    this.#failed = 0;
    this.#trying++;
    if (this.#trying >= LENGTHS.length) this.#tryAgainLater(now);
  }

  #shortArrived({ sentAt }: SentPacket, roundTripMs: number, now: number): void {
    const { packets, from } = this.#missing;
    if (this.#bytes === BASE || packets < HOLE_PACKETS) return;
    if (sentAt - from < Math.max(roundTripMs, HOLE_MS)) return;
    this.#bytes = BASE;
    this.#holes++;
    this.#missing.packets = 0;
    this.#tryAgainLater(now);
  }

  #tryAgainLater(now: number): void {
    this.#dueAt = now + this.#againMs;
    this.#againMs = Math.min(2 * this.#againMs, AGAIN_MAX_MS);
    this.#trying = 0;
    this.#skip();
  }

  /** Nothing longer than the own interface carries is tried: it would leave in fragments. */
  #skip(): void {
    while ((LENGTHS[this.#trying] ?? 0) > this.#longest) this.#trying++;
  }
}

function isLong({ bytes }: SentPacket): boolean {
  return bytes > BASE + IP_UDP_BYTES;
}
