import type { Clock } from '#protocol/clock.js';
import type { Random } from '#protocol/random.js';
import type { Peer } from '../../transport.js';
import type { Workbench } from '../codec/workbench.js';
import { packetKeys, trafficSecret, type Direction } from '../crypto/packet-keys.js';
import { PacketOpener } from '../crypto/packet-opener.js';
import { PacketSealer } from '../crypto/packet-sealer.js';
import type { MakeTraffic, Role } from '../session/traffic.js';
import { CodedConnection, type ConnectionRegistry } from './coded-connection.js';
import type { HandshakeResult } from './handshake-port.js';
import type { EndpointLimits } from './limits.js';
import type { PathMemories } from './path-memories.js';

/** What all sessions of an endpoint share. */
export interface SessionMaker {
  readonly clock: Clock;
  readonly random: Random;
  readonly bench: Workbench;
  readonly limits: EndpointLimits;
  readonly makeTraffic: MakeTraffic;
  readonly memories?: PathMemories;
}

export interface NewSession {
  readonly role: Role;
  readonly result: HandshakeResult;
  readonly ownId: Uint8Array;
  readonly peerId: Uint8Array;
  readonly peer: Peer;
  /** `host:port` where it is. */
  readonly address: string;
  readonly roundTripMs: number | undefined;
  readonly ids: ConnectionRegistry;
  readonly resetToken: (id: Uint8Array) => Uint8Array;
  readonly transmit: (datagram: Uint8Array, to: string) => void;
}

/** Milliseconds taken for the round trip when the handshake could not measure one. */
const ROUND_TRIP_MS = 200;

/** Turns a finished handshake into a connection, each direction under its own keys. */
export function makeConnection(
  { clock, random, bench, limits, makeTraffic, memories }: SessionMaker,
  wanted: NewSession,
): CodedConnection {
  const { role, result, ownId, peerId, peer, address, ids, resetToken } = wanted;
  // A refused end has no name: nothing of its path is kept for others.
  const path = peer.name === '' ? undefined : `${peer.name} ${hostOf(address)}`;
  const keysOf = (direction: Direction): ReturnType<typeof packetKeys> =>
    packetKeys(trafficSecret(result.secret, direction), result.cipher);
  return new CodedConnection({
    session: {
      role,
      sealer: new PacketSealer(keysOf(role)),
      opener: new PacketOpener(keysOf(role === 'client' ? 'server' : 'client')),
      ownId,
      peerId,
      address,
      roundTripMs: wanted.roundTripMs ?? ROUND_TRIP_MS,
      memory: path === undefined ? undefined : memories?.get(path),
      resetToken,
      traffic: makeTraffic(role),
      bench,
      random,
      // A fleet that reconnected together must not also keep alive together.
      limits: { ...limits, keepAliveMs: limits.keepAliveMs * (0.8 + 0.2 * random.unit()) },
    },
    ids,
    peer,
    clock,
    transmit: wanted.transmit,
    ...(path === undefined ? {} : { learnt: (news) => memories?.keep(path, news) }),
  });
}

/** The other end's host: behind a NAT each session has another port. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
