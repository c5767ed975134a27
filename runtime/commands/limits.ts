/** The limits of commands on the gateway, with unit and reason. What is refused is counted. */
export const COMMAND_LIMITS = {
  /** Commands that wait or run. Beyond: FAILED with EDGE_LIMIT. The hub sends 16 at a time. */
  open: 64,
  /** Ids that are remembered whatever their age (docs/sync-protocol.md section 4.6). */
  kept: 4096,
  /** Ids remembered at all; those that may not be forgotten yet fill it, then commands are refused. */
  keptMax: 8192,
  /** Ids that were refused because of it, remembered by this process; beyond it is silent. */
  refused: 1024,
  /** RESULTs without their RESACK. */
  resultsInFlight: 16,
  /** Answers to QUERY that wait to be sent; the hub asks for 64 at a time. */
  answers: 256,
  /** A RESULT without its RESACK is sent again after so many milliseconds. */
  repeatMs: 30_000,
  /** What a mapper gets for one command before nobody can know how it ends. */
  effectMs: 10 * 60_000,
  /** Characters of a code and of a detail that a mapper gives. */
  textChars: 256,
} as const;
