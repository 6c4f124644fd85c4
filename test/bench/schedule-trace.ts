/** `node test/bench/schedule-trace.ts [FOLDER]`: hit rates of the scheduler's strategies on the questions of LoCoMo; see docs/concepts/scheduler.md. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './harness/repository.ts'
import { locomoTraces } from './schedule/locomo-trace.ts'
import { type Keeper, replay } from './schedule/replay.ts'

const PLACES = [16, 32, 64, 128]
const KEEPERS: readonly Keeper[] = ['lru', 'heat', 'semantic', 'label', 'optimal']

const root = process.argv[2] ?? join(REPOSITORY, '../shared/eval')
if (!existsSync(join(root, 'locomo'))) {
  console.log(`skipped: there is no folder locomo in ${root}`)
  process.exit(0)
}
const traces = await locomoTraces(root)
const uses = traces.flatMap(({ accesses }) => accesses.map((access) => access.uses))
const cubes = traces.reduce((sum, { accesses }) => sum + new Set(accesses.flatMap((access) => access.uses)).size, 0)
const total = uses.reduce((sum, list) => sum + list.length, 0)
console.log(`${traces.length} conversations, ${uses.length} questions, ${total} uses of ${cubes} cubes`)
console.log(`of all uses are repeated, the most that can be hits: ${percent(1 - cubes / total)}`)
console.log(['places', ...KEEPERS].map((name) => name.padStart(9)).join(''))
for (const places of PLACES) {
  const rates = KEEPERS.map(
    (keeper) => traces.reduce((sum, trace) => sum + replay(trace, keeper, places).hits, 0) / total,
  )
  console.log([String(places), ...rates.map(percent)].map((cell) => cell.padStart(9)).join(''))
}
process.exit(0)

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
