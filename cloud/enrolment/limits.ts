/** The limits of enrolment, with unit and reason. */
export const ENROLMENT_LIMITS = {
  /** Milliseconds: how long a join token is good for when nobody says otherwise, and at most. */
  tokenTtlMs: 24 * 3_600_000,
  tokenTtlMaxMs: 30 * 24 * 3_600_000,
  /** Tokens kept at once, used ones until they expire; bounds memory. */
  tokens: 10_000,
  /** Certificates kept of one node, the newest; older ones are refused anyway. */
  certificatesPerNode: 8,
  /** Outdated rows that one commit removes. */
  outdatedAtOnce: 500,
  /** Bytes of a join request's body: a P-256 request needs 500. */
  bodyBytes: 16 * 1024,
  /** Bytes of a certification request, before anything parses it. */
  csrBytes: 2 * 1024,
  /** Milliseconds for the body of a join request to arrive. */
  bodyMs: 10_000,
  /** Join requests that are read at once; beyond: 429. */
  requestsAtOnce: 64,
  /** Join attempts per second and at once, from all: each costs a hash and a comparison. */
  attemptsPerSecond: 100,
  attemptsBurst: 500,
  /** Certificates signed per second and at once: each costs milliseconds of this one thread. */
  issuesPerSecond: 20,
  issuesBurst: 50,
  /** Attempts with one token per minute: a gateway retries at most every few seconds. */
  attemptsPerTokenPerMinute: 20,
  /** Milliseconds between two looks for an authority or a certificate that somebody changed. */
  pkiLookMs: 5_000,
  /** Milliseconds between warnings that a certificate of the authority ends. */
  issuingWarnMs: 24 * 3_600_000,
  /** Milliseconds between attempts to renew the issuing key. */
  issuingTryMs: 3_600_000,
  /** Renewals of one node per hour and at once: it needs one in two months. */
  renewalsPerHour: 6,
} as const;

const DAY_MS = 24 * 3_600_000;

/** Lives of certificates, milliseconds. */
export const CERTIFICATE_LIVES = {
  /** Longer than the hardware; its key never leaves the hub. */
  authorityMs: 20 * 365 * DAY_MS,
  /** Renewed at two thirds where the root's key is at hand, otherwise by a person who is told. */
  issuingMs: 5 * 365 * DAY_MS,
  /** So long before its end a root should be followed by the next: gateways in drawers must learn it. */
  rootNoticeMs: 2 * 365 * DAY_MS,
  /** So little of a life is left that it is an alarm: time to fetch a key out of a safe. */
  soonMs: 90 * DAY_MS,
  dayMs: DAY_MS,
  /** The hub reissues its own at two thirds. */
  hubMs: 365 * DAY_MS,
  /** A stolen gateway's certificate is dead after so long even if nobody revokes it. */
  nodeMs: 90 * DAY_MS,
  /** So long after its end a node may still renew it by its key: a gateway in a drawer. */
  lapsedMs: 90 * DAY_MS,
  /** Certificates begin so much earlier, for clocks that are a little behind. */
  backdatedMs: 5 * 60_000,
  /** The part of its life after which a certificate is reissued. */
  renewAfter: 2 / 3,
} as const;
