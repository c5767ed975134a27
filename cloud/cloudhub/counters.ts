/** What the hub counts since its start; each is a metric of the same name. */
export interface HubCounters {
  connections: number;
  sessionsOpened: number;
  sessionsSuperseded: number;
  /** Connections that were not let in: too many at once, no HELLO in time, unknown or revoked node. */
  refusedConnections: number;
  /** HELLOs of a node in quarantine, or without a protocol version in common. */
  refusedHellos: number;
  malformedMessages: number;
  /** Well-formed messages that the protocol does not allow here and now. */
  protocolErrors: number;
  unsupportedMessages: number;
  /** Messages of a session that a newer one replaced; never applied. */
  supersededMessages: number;
  slowClosed: number;
  /** Rows about a device of another node. */
  foreignRows: number;
  rowsApplied: number;
  rowsObsolete: number;
  rowsRejected: number;
  desiredRowsSent: number;
  localsAccepted: number;
  localsConflicting: number;
  localsSuperseded: number;
  localsRejected: number;
  /** Local writes that wait at their gateway because this hub must adopt its desired values first. */
  localsHeld: number;
  /** Devices whose reported state, or desired state, was found to differ and sent under new numbers. */
  repairsAsked: number;
  samplesApplied: number;
  /** Samples that their gateways gave up before they could be sent. */
  samplesDropped: number;
  /** Samples of no device, life or property that is known here. */
  samplesRejected: number;
  /** Ranges that were known, came too early, or came too early without room to wait in. */
  samplesRepeated: number;
  samplesParked: number;
  samplesUnparked: number;
  repairsMade: number;
  devicesRefused: number;
  /** Devices of this hub, with their documents or as tombstones. */
  hubDevicesSent: number;
  hubDevicesAdopted: number;
  tombstonesForgotten: number;
  conflictsForgotten: number;
  cloneAlarms: number;
  gatewaysRestored: number;
  adoptionsNeeded: number;
  adoptionsDone: number;
  /** Desired values taken over from gateways after this hub was restored, and those that were not. */
  desiredAdopted: number;
  desiredNotAdopted: number;
  commandsAccepted: number;
  /** Sent to the gateway, repetitions included. */
  commandsSent: number;
  commandsAsked: number;
  /** Ended here, because their time was over: never sent, or nobody knows. */
  commandsExpired: number;
  commandsUnknown: number;
  /** Results of commands that are not kept any more. */
  commandsForgotten: number;
  /** Ends that a gateway told otherwise before: a defect, or a restored store. */
  commandsContradicted: number;
  /** Commits that a newer session or a failing storage refused. */
  commitsRefused: number;
}

export type Counter = keyof HubCounters;

export function newCounters(): HubCounters {
  return {
    connections: 0,
    sessionsOpened: 0,
    sessionsSuperseded: 0,
    refusedConnections: 0,
    refusedHellos: 0,
    malformedMessages: 0,
    protocolErrors: 0,
    unsupportedMessages: 0,
    supersededMessages: 0,
    slowClosed: 0,
    foreignRows: 0,
    rowsApplied: 0,
    rowsObsolete: 0,
    rowsRejected: 0,
    desiredRowsSent: 0,
    localsAccepted: 0,
    localsConflicting: 0,
    localsSuperseded: 0,
    localsRejected: 0,
    localsHeld: 0,
    repairsAsked: 0,
    samplesApplied: 0,
    samplesDropped: 0,
    samplesRejected: 0,
    samplesRepeated: 0,
    samplesParked: 0,
    samplesUnparked: 0,
    repairsMade: 0,
    devicesRefused: 0,
    hubDevicesSent: 0,
    hubDevicesAdopted: 0,
    tombstonesForgotten: 0,
    conflictsForgotten: 0,
    cloneAlarms: 0,
    gatewaysRestored: 0,
    adoptionsNeeded: 0,
    adoptionsDone: 0,
    desiredAdopted: 0,
    desiredNotAdopted: 0,
    commandsAccepted: 0,
    commandsSent: 0,
    commandsAsked: 0,
    commandsExpired: 0,
    commandsUnknown: 0,
    commandsForgotten: 0,
    commandsContradicted: 0,
    commitsRefused: 0,
  };
}
