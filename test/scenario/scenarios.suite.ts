import { describe } from 'vitest'
import type { OpenEdge } from '../support/edge.ts'
import { badInput } from './bad-input.suite.ts'
import { cubes } from './cubes.suite.ts'
import { filters } from './filters.suite.ts'
import { idempotency } from './idempotency.suite.ts'
import { keys } from './keys.suite.ts'
import { log } from './log.suite.ts'
import { namespaces } from './namespaces.suite.ts'
import { operations } from './operations.suite.ts'
import { payloads } from './payloads.suite.ts'
import { portability } from './portability.suite.ts'
import { rememberRecall } from './remember-recall.suite.ts'
import { tenantIsolation } from './tenant-isolation.suite.ts'

const SCENARIOS = [
  rememberRecall,
  cubes,
  payloads,
  filters,
  idempotency,
  keys,
  namespaces,
  tenantIsolation,
  badInput,
  log,
  portability,
  operations,
]

/** Every scenario against one host. Each makes its own organisation, so they may share one edge. */
export function runScenarios(host: string, open: OpenEdge) {
  describe(`scenarios on ${host}`, () => {
    for (const scenario of SCENARIOS) scenario(open)
  })
}
