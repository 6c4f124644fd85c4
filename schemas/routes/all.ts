import { administrationRoutes } from './administration.ts'
import { memoryRoutes } from './memory.ts'

/** Every operation of the API by the name that handlers and the SDK use. */
export const ROUTES = { ...memoryRoutes, ...administrationRoutes }
export type RouteName = keyof typeof ROUTES
