import type { RouteName } from '../../../schemas/routes/all.ts'
import * as administration from './administration.ts'
import * as cubes from './cubes.ts'
import * as memory from './memory.ts'
import * as namespaces from './namespaces.ts'
import * as placement from './placement.ts'
import * as portability from './portability.ts'

/** The handler of every route. A route without one does not compile. */
export const HANDLERS = {
  ...administration,
  ...cubes,
  ...memory,
  ...namespaces,
  ...placement,
  ...portability,
} satisfies Record<RouteName, unknown>
