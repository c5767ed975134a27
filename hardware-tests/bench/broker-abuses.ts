/** What one client can do to a broker, and so to its other clients. */
export const ABUSES = [
  'nothing',
  'subscriber that stops reading',
  'PUBLISH of 256 MB',
  '20 endless CONNECTs',
  '50,000 messages for an absent client',
  'flood of QoS 0',
  'malformed connections',
] as const;
export type Abuse = (typeof ABUSES)[number];
