import { administrationRoutes } from './administration.ts'
import { blockRoutes } from './blocks.ts'
import { chatRoutes } from './chat.ts'
import { entityRoutes } from './entities.ts'
import { factRoutes } from './facts.ts'
import { lifecycleRoutes } from './lifecycle.ts'
import { logRoutes } from './log.ts'
import { memoryRoutes } from './memory.ts'
import { mipPublishingRoutes } from './mip-publishing.ts'
import { mipSubscriptionRoutes } from './mip-subscriptions.ts'
import { nodeRoutes } from './nodes.ts'
import { permissionRoutes } from './permissions.ts'
import { pipelineRoutes } from './pipelines.ts'
import { readerRoutes } from './reader.ts'
import { scheduleRoutes } from './schedule.ts'
import { timeMachineRoutes } from './time-machine.ts'

/** Every operation of the API by the name that handlers and the SDK use. */
export const ROUTES = {
  ...memoryRoutes,
  ...administrationRoutes,
  ...blockRoutes,
  ...chatRoutes,
  ...entityRoutes,
  ...factRoutes,
  ...lifecycleRoutes,
  ...logRoutes,
  ...mipPublishingRoutes,
  ...mipSubscriptionRoutes,
  ...nodeRoutes,
  ...pipelineRoutes,
  ...permissionRoutes,
  ...readerRoutes,
  ...scheduleRoutes,
  ...timeMachineRoutes,
}
export type RouteName = keyof typeof ROUTES
