/**
 * `node scripts/readme-benchmarks.ts`: writes the figures of test/bench/results into the section "Benchmarks" of the README, so that no figure there
 * is older than its file. `--check` writes nothing and fails when the section is stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '../test/bench/harness/report.ts'

const REPOSITORY = join(import.meta.dirname, '..')
const README = join(REPOSITORY, 'README.md')
const SECTION = /(<!-- benchmarks -->\n)[\s\S]*?(<!-- \/benchmarks -->)/
const DIGITS = 3

/** What of each topic is quoted, and what it says to a reader. A figure that was not measured leaves its row out. */
const QUOTED: Record<string, Record<string, string>> = {
  retrieval: {
    'locomo.R@10': 'LoCoMo: evidence among the first 10 results',
    'locomo.MRR': 'LoCoMo: MRR',
    'locomo.baseline.fts5.R@10': 'the same, SQLite FTS5',
    'locomo.baseline.minisearch.R@10': 'the same, MiniSearch',
    'realmem.R@10': 'RealMem: evidence among the first 10 results',
    'lifebench_en.R@10': 'LifeBench, English',
    'lifebench_zh.R@10': 'LifeBench, Chinese',
    'locomo_noise.R@10': 'LoCoMo in one namespace with 100,000 foreign utterances',
  },
  search: {
    'edge.1000.p50': 'hybrid search over HTTP, 1,000 memories, median',
    'edge.10000.p50': '10,000 memories, median',
    'edge.10000.p95': '10,000 memories, p95',
    'edge.100000.p50': '100,000 memories, median',
    'edge.growth': 'growth of the median from 10,000 to 100,000',
    'edge.10000.vectorOnly.p50': '10,000 memories, vectors only, median',
    'workerd.10000.p50': 'on local workerd with D1, 10,000 memories, median',
    'mem0.10000.p50': 'mem0ai/oss in memory, in process, 10,000 memories, median',
    'fasterThan.mem0': 'our hybrid search is faster by',
    'mastra.10000.p50': '@mastra/memory with LibSQL (vectors only), in process, 10,000 memories, median',
    'fasterThan.mastra': 'our hybrid search is faster by',
    'vector.100000.p50Ms': 'nearest of 100,000 vectors, median',
    'vector.100000.recall': 'recall of these among the first 10',
  },
  ingest: {
    'batched.perSecond': 'memories written in batches of 1,000',
    'single.perSecond': 'memories written one per request',
    'disk.perMemory': 'on disk for one memory with a vector of 384 dimensions',
    'memory.anonymous.growthPer100000': 'memory of the process, growth per 100,000 memories from 200,000 to 400,000',
  },
  lifecycle: {
    cubesPerSecond: 'ageing 100,000 memories: put away, searched meanwhile',
    'tick.statements': 'statements of one tick, most',
    'search.ratio.p95': 'p95 of searches during ageing against alone',
    'rss.growth': 'memory of the process, growth over all ticks',
  },
  embedder: {
    'locomo.gain.R@10': 'LoCoMo: a model trained on the texts, gain of R@10',
    'realmem.gain.R@10': 'RealMem, the same',
    'lifebench_en.gain.R@10': 'LifeBench, English, the same',
    'lifebench_zh.gain.R@10': 'LifeBench, Chinese, the same',
    'locomo_noise.gain.R@10': 'LoCoMo among 100,000 foreign utterances, the same',
  },
  footprint: {
    'ready.median': 'from start to ready',
    'rss.idle': 'resident memory, idle',
    'bundle.gzip': 'Worker bundle, compressed',
  },
}

/** The section's table, from the results that are there. */
function benchmarkTable(): string {
  const reports = Object.keys(QUOTED).flatMap((topic) => {
    const file = join(REPOSITORY, `test/bench/results/${topic}.json`)
    return existsSync(file) ? [JSON.parse(readFileSync(file, 'utf8')) as Report] : []
  })
  if (reports.length === 0) return 'Nothing has been measured for this version.\n'
  const rows = reports.flatMap(({ topic, figures, targets }) =>
    Object.entries(QUOTED[topic] ?? {}).flatMap(([name, meaning]) => {
      const figure = figures[name]
      if (figure === undefined) return []
      const target = targets.find((one) => one.name === name)
      const goal = target === undefined ? '' : `${target.target}${target.ok ? '' : ' (missed)'}`
      return [`| ${topic} | ${meaning} | ${shown(figure.value)} ${figure.unit} | ${goal} |`]
    }),
  )
  const { machine } = reports[0] as Report
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node.replace('v', '')}`
  const commits = [...new Set(reports.map(({ commit }) => commit))].join(', ')
  return `| Topic | Figure | Value | Target |\n|---|---|---|---|\n${rows.join('\n')}\n\nOn ${where}; commits ${commits}. Files: \`test/bench/results/\`.\n`
}

const shown = (value: number): string =>
  Number(value.toPrecision(DIGITS)).toLocaleString('en', { maximumFractionDigits: DIGITS })

const before = readFileSync(README, 'utf8')
const after = before.replace(SECTION, (_, start: string, end: string) => `${start}${benchmarkTable()}${end}`)
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('stale: the benchmarks in README.md: run node scripts/readme-benchmarks.ts')
    process.exitCode = 1
  }
} else writeFileSync(README, after)
