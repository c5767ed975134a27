/** What the gateway's end of the sync protocol counts since its start. */
export function newSyncCounters() {
  return {
    sessions: 0,
    messagesSent: 0,
    rowsSent: 0,
    rowsAcknowledged: 0,
    rowsRejected: 0,
    localsSent: 0,
    digestsSent: 0,
    repairs: 0,
    /** Chunks of what a restored hub was told of its own side. */
    adoptsSent: 0,
    parked: 0,
    ignored: 0,
    protocolErrors: 0,
  };
}
