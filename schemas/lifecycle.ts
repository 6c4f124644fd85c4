import { z } from 'zod'

/**
 * States of a cube. The paper names four in section 5.4.3 (generated, activated, merged, archived), adds expired in section 5.2 and
 * describes frozen as "updates disabled, full history kept".
 */
export const LIFECYCLE_STATES = ['generated', 'activated', 'merged', 'archived', 'expired', 'frozen'] as const
export const LifecycleState = z
  .enum(LIFECYCLE_STATES)
  .meta({ id: 'LifecycleState', description: 'MemOS paper, sections 5.2 and 5.4.3.' })
export type LifecycleState = z.infer<typeof LifecycleState>
