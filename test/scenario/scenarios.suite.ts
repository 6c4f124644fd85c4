import { describe } from 'vitest'
import type { OpenEdge } from '../support/edge.ts'
import { accessMatrix } from './access-matrix.suite.ts'
import { badInput } from './bad-input.suite.ts'
import { blocks } from './blocks.suite.ts'
import { branches } from './branches.suite.ts'
import { counts } from './counts.suite.ts'
import { cubes } from './cubes.suite.ts'
import { facts } from './facts.suite.ts'
import { filters } from './filters.suite.ts'
import { idempotency } from './idempotency.suite.ts'
import { keys } from './keys.suite.ts'
import { lifecycle } from './lifecycle.suite.ts'
import { log } from './log.suite.ts'
import { mipPublish } from './mip-publish.suite.ts'
import { namespaces } from './namespaces.suite.ts'
import { operations } from './operations.suite.ts'
import { payloads } from './payloads.suite.ts'
import { permissionRefusals } from './permission-refusals.suite.ts'
import { permissions } from './permissions.suite.ts'
import { pipelines } from './pipelines.suite.ts'
import { portability } from './portability.suite.ts'
import { reader } from './reader.suite.ts'
import { rememberRecall } from './remember-recall.suite.ts'
import { schedule } from './schedule.suite.ts'
import { sensitive } from './sensitive.suite.ts'
import { tenantIsolation } from './tenant-isolation.suite.ts'
import { timeMachine } from './time-machine.suite.ts'

const SCENARIOS = [
  rememberRecall,
  reader,
  cubes,
  payloads,
  facts,
  filters,
  idempotency,
  keys,
  mipPublish,
  namespaces,
  tenantIsolation,
  permissions,
  permissionRefusals,
  counts,
  accessMatrix,
  badInput,
  lifecycle,
  log,
  pipelines,
  portability,
  sensitive,
  operations,
  timeMachine,
  branches,
  schedule,
  blocks,
]

/** Every scenario against one host. Each makes its own organisation, so they may share one edge. */
export function runScenarios(host: string, open: OpenEdge) {
  describe(`scenarios on ${host}`, () => {
    for (const scenario of SCENARIOS) scenario(open)
  })
}
