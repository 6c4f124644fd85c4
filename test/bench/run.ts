/** `npm run -s bench -- TOPIC [--data DIR] [--sets A,B] [--only PART,PART] [--quick] [--json] [--save]`; see README.md in this folder. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { formatReport } from './harness/print-report.ts'
import { Recorder, type Report } from './harness/report.ts'
import { BENCH, REPOSITORY } from './harness/repository.ts'
import { answers } from './topics/answers.ts'
import { blob } from './topics/blob.ts'
import { blocks } from './topics/blocks.ts'
import { edgePeer } from './topics/edge-peer.ts'
import { embedder } from './topics/embedder.ts'
import { footprint } from './topics/footprint.ts'
import { ingest } from './topics/ingest.ts'
import { lifecycle } from './topics/lifecycle.ts'
import { mip } from './topics/mip.ts'
import { retrieval } from './topics/retrieval.ts'
import { search } from './topics/search.ts'
import type { Topic } from './topics/topic.ts'
import { ttft } from './topics/ttft.ts'
import { updates } from './topics/updates.ts'
import { ttftPlot } from './ttft/plot.ts'

const TOPICS: Record<string, Topic> = {
  blocks,
  'edge-peer': edgePeer,
  blob,
  embedder,
  footprint,
  answers,
  ingest,
  search,
  lifecycle,
  mip,
  retrieval,
  ttft,
  updates,
}
/** Topics whose result is drawn as well. */
const PLOTS: Record<string, (report: Report) => string> = { ttft: ttftPlot }
const DATA_DEFAULT = join(REPOSITORY, '../shared/eval')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    sets: { type: 'string' },
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})
const asked = positionals.length === 1 && positionals[0] === 'all' ? Object.keys(TOPICS) : positionals
const unknown = asked.filter((name) => !(name in TOPICS))
if (asked.length === 0 || unknown.length > 0) {
  const fault = unknown.length > 0 ? `there is no topic ${unknown.join(', ')}` : 'name a topic'
  console.error(`${fault}: ${Object.keys(TOPICS).join(', ')}, or all`)
  process.exit(2)
}
if (values.data !== undefined && !existsSync(values.data)) {
  console.error(`--data: there is no folder ${values.data}`)
  process.exit(2)
}

for (const [i, name] of asked.entries()) {
  const recorder = new Recorder(name)
  if (asked.length > 1) recorder.progress(`topic ${i + 1} of ${asked.length}`)
  let isComplete = true
  try {
    await (TOPICS[name] as Topic)(recorder, {
      data: values.data ?? DATA_DEFAULT,
      sets: values.sets?.split(','),
      only: values.only?.split(','),
      quick: values.quick,
    })
  } catch (error) {
    // What was measured before is still told, and the next topic still runs.
    console.error(error)
    recorder.skip('the rest of the topic', error instanceof Error ? error.message : String(error))
    process.exitCode = 1
    isComplete = false
  }
  const report = recorder.report()
  console.log(values.json ? JSON.stringify(report) : formatReport(report))
  if (values.save && isComplete) save(report)
}

/** The committed result holds the command that made it, with paths that make sense on another machine. */
function save(report: Report): void {
  const flags = [
    ...(values.data === undefined ? [] : ['--data', relative(REPOSITORY, values.data)]),
    ...(values.sets === undefined ? [] : ['--sets', values.sets]),
    ...(values.only === undefined ? [] : ['--only', values.only]),
    ...(values.quick ? ['--quick'] : []),
    '--save',
  ]
  const command = `npm run -s bench -- ${report.topic} ${flags.join(' ')}`
  const folder = join(BENCH, 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${report.topic}.json`), `${JSON.stringify({ command, ...report }, null, 2)}\n`)
  const plot = PLOTS[report.topic]
  if (plot !== undefined) writeFileSync(join(folder, `${report.topic}.svg`), plot(report))
}
