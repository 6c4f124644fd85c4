import type { RouteName } from '../../../schemas/routes/all.ts'
import * as administration from './administration.ts'
import * as blocks from './blocks.ts'
import * as chat from './chat.ts'
import * as cubes from './cubes.ts'
import * as entities from './entities.ts'
import * as facts from './facts.ts'
import * as lifecycle from './lifecycle.ts'
import * as log from './log.ts'
import * as memory from './memory.ts'
import * as mipPublishing from './mip-publishing.ts'
import * as mipReceipts from './mip-receipts.ts'
import * as mipSubscriptions from './mip-subscriptions.ts'
import * as namespaces from './namespaces.ts'
import * as nodes from './nodes.ts'
import * as permissions from './permissions.ts'
import * as pipelines from './pipelines.ts'
import * as placement from './placement.ts'
import * as portability from './portability.ts'
import { planMemories, read } from './reader.ts'
import * as schedule from './schedule.ts'
import * as timeMachine from './time-machine.ts'

const readerHandlers = { read, planMemories }

/** The handler of every route. A route without one does not compile. */
export const HANDLERS = {
  ...administration,
  ...blocks,
  ...chat,
  ...cubes,
  ...entities,
  ...facts,
  ...lifecycle,
  ...log,
  ...memory,
  ...mipPublishing,
  ...mipReceipts,
  ...mipSubscriptions,
  ...namespaces,
  ...nodes,
  ...permissions,
  ...pipelines,
  ...placement,
  ...portability,
  ...readerHandlers,
  ...timeMachine,
  ...schedule,
} satisfies Record<RouteName, unknown>
