/** Decisions of the time machine: restores, snapshots, branches. */
export type TimeMachineWrite = never
