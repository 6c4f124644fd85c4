/**
 * `npm run conformance`: replays the vectors on every runtime that is here, asks both implementations the same random questions, and prints a
 * table. What is not here is skipped with its reason; status 1 when something differs.
 */
import { crossCheck } from './conformance/cross-check.ts'
import {
  bundledReplay,
  onChromium,
  onNode22,
  onPython,
  onThisNode,
  onWorkerd,
  type RuntimeResult,
} from './conformance/runtimes.ts'

const CROSS_QUESTIONS = 3000

const bundle = await bundledReplay()
const runs: (() => Promise<RuntimeResult>)[] = [
  () => onThisNode(bundle),
  () => onNode22(bundle),
  onWorkerd,
  () => onChromium(bundle),
  () => onPython(false),
  () => onPython(true),
  bothImplementations,
]

console.log('| Runtime | Agree | Differ | |\n|---|---|---|---|')
for (const run of runs) {
  const { runtime, passed, failed, skipped } = await run()
  console.log(`| ${runtime} | ${passed ?? ''} | ${failed?.length ?? ''} | ${skipped ? `skipped: ${skipped}` : ''} |`)
  for (const one of failed?.slice(0, 10) ?? []) console.error(`  ${one}`)
  if (failed && failed.length > 0) process.exitCode = 1
}

async function bothImplementations(): Promise<RuntimeResult> {
  const seed = 1 + Math.floor(Math.random() * 0x7fffffff)
  const runtime = `TypeScript and Python, random questions, seed ${seed}`
  if ((await onPython(true)).skipped) return { runtime, skipped: 'there is no python3 on this machine' }
  const { asked, differences } = await crossCheck(seed, CROSS_QUESTIONS)
  const failed = differences.map(({ question }) => question.slice(0, 500))
  return { runtime, passed: asked - failed.length, failed }
}
