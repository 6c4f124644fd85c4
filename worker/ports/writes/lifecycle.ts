/** Decisions of MemLifecycle: changes of state. */
export type LifecycleWrite = never
