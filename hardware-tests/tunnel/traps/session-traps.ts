import type { Trap } from './trap.js';

const OPENER = 'tunnel/coded/crypto/packet-opener.js';
const HOSTILE = 'hardware-tests/tunnel/hostile.test.js';
const SESSION = 'hardware-tests/tunnel/session.test.js';

/** Traps of what strangers send, and of life and death of a session. */
export const SESSION_TRAPS: readonly Trap[] = [
  {
    name: 'no-seal',
    what: 'what is not sealed for the session is opened all the same',
    patches: [
      {
        file: 'tunnel/coded/crypto/seal.js',
        find: 'return undefined; // the only',
        replace: 'return payload; // the only',
      },
    ],
    file: HOSTILE,
    title: 'replayed, forged, flipped and truncated datagrams are accepted by neither end',
  },
  {
    name: 'no-replay-window',
    what: 'what was opened before is opened again',
    patches: [{ file: OPENER, find: 'if (this.#replay.isStale(number))', replace: 'if (false)' }],
    file: HOSTILE,
    title: 'replayed, forged, flipped and truncated datagrams are accepted by neither end',
  },
  {
    name: 'amplifier',
    what: 'an address gets as much as there is before it has proved that it hears',
    patches: [
      {
        file: 'tunnel/coded/session/route.js',
        find: 'if (this.isProved)',
        replace: 'if (this.isProved || true)',
      },
    ],
    file: HOSTILE,
    title: 'one repeated packet brings its victim three times its bytes at most',
  },
  {
    name: 'any-token',
    what: 'a token serves every address',
    patches: [
      {
        file: 'tunnel/coded/endpoint/acceptor.js',
        find: 'if (!this.#tokens.isValid(header.token, from, header.source, now))',
        replace: 'if (header.token.length === 0)',
      },
    ],
    file: HOSTILE,
    title: 'a token serves the address, the client and the seconds that it was made for',
  },
  {
    name: 'half-open',
    what: 'an end that hears nothing goes on for ever',
    patches: [
      {
        file: 'tunnel/coded/session/liveness.js',
        find: 'if (now >= this.#heardAt + this.#limits.resumeMs)',
        replace: 'if (now >= this.#heardAt + 3 * this.#limits.resumeMs)',
      },
      {
        file: 'tunnel/coded/session/liveness.js',
        find: 'Math.min(this.#askAt, this.#heardAt + this.#limits.resumeMs)',
        replace: 'Math.min(this.#askAt, this.#heardAt + 3 * this.#limits.resumeMs)',
      },
    ],
    file: SESSION,
    title: 'a dead peer is known within ten seconds, at either end',
  },
  {
    name: 'asked-once',
    what: 'an end that is silent is asked once, and lost with that question',
    patches: [
      {
        file: 'tunnel/coded/session/liveness.js',
        find: 'this.#askAt = now + (this.isSilent(now) ? askSilentMs : soon);',
        replace: 'this.#askAt = Infinity;',
      },
    ],
    file: SESSION,
    title: 'an idle session stays, at a few packets every five seconds, also when 30 % are lost',
  },
  {
    name: 'address-stays',
    what: 'a hub does not follow its node to another address',
    patches: [
      {
        file: 'tunnel/coded/session/roaming.js',
        find: "if (this.#role === 'client' || !mayMove)",
        replace: 'if (true)',
      },
    ],
    file: SESSION,
    title: 'a hundred changes of port in a row lose nothing',
  },
  {
    name: 'two-clocks',
    what: 'what became due since the last packet is taken for blocked and waits for the next event',
    patches: [
      {
        file: 'tunnel/coded/endpoint/coded-connection.js',
        find: 'this.#schedule(now);',
        replace: 'this.#schedule(this.#clock.now());',
      },
    ],
    file: SESSION,
    title: 'what is due leaves when it is due, though time passes while the session works',
  },
];
