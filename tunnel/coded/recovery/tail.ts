import { CODED_LIMITS } from '../limits.js';

/**
 * Coded rows that let `outstanding` packets, of which a share `loss` will be missing, be known
 * without another round trip: the fewest r with P(more than r of outstanding + r are lost) <= risk.
 */
export function tailRows(outstanding: number, loss: number, risk: number): number {
  if (outstanding <= 0 || loss <= 0) return 0;
  for (let rows = 0; rows < CODED_LIMITS.rowMembers; rows++)
    if (lossBeyond(outstanding + rows, rows, loss) <= risk) return rows;
  return CODED_LIMITS.rowMembers;
}

/** P(more than `most` of `packets` are lost), independent losses. */
function lossBeyond(packets: number, most: number, loss: number): number {
  let term = (1 - loss) ** packets;
  let sum = term;
  for (let lost = 1; lost <= most; lost++) {
    term *= ((packets - lost + 1) / lost) * (loss / (1 - loss));
    sum += term;
  }
  return 1 - sum;
}

/** Cuts what is outstanding into groups that one row can cover, known ones between included. */
export function tailGroups(numbers: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (const number of numbers) {
    const group = groups.at(-1);
    const first = group?.[0];
    if (group === undefined || first === undefined || number - first >= CODED_LIMITS.rowMembers)
      groups.push([number]);
    else group.push(number);
  }
  return groups;
}
