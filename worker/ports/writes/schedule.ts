/** Decisions of MemScheduler. */
export type ScheduleWrite = never
