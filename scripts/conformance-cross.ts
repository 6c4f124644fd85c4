/**
 * Asks this implementation and test/conformance/verifier.py the same random questions, half of them damaged, and compares the answers byte for
 * byte: `npm run conformance:cross -- --cases 3000 --seed 7`. The seed is printed; with it a run can be repeated.
 */
import { parseArgs } from 'node:util'
import { crossCheck } from './conformance/cross-check.ts'

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '3000' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? 1 + Math.floor(Math.random() * 0x7fffffff))
const report = await crossCheck(seed, Number(values.cases))
console.log(`seed ${seed}: ${report.asked} questions, ${report.accepted} accepted, ${report.refused} refused`)
console.log(
  Object.entries(report.byKind)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', '),
)
console.log(
  `codes: ${Object.entries(report.codes)
    .map(([code, count]) => `${code} ${count}`)
    .join(', ')}`,
)
for (const { question, ours, theirs } of report.differences.slice(0, 10))
  console.error(`differs\n  question ${question}\n  TypeScript ${ours}\n  Python     ${theirs}`)
console.log(`${report.differences.length} differences`)
process.exitCode = report.differences.length > 0 ? 1 : 0
