/**
 * Asks every row of the threat table and prints what came of it; ends with 1 when a row does not hold.
 *
 *   npm run threats [-- WORD ...]    only rows that have one of the words in their name
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Measured, Threat } from './measured.ts'
import { THREATS } from './rows.ts'

interface TestResult {
  fullName: string
  status: string
}
type ByFile = ReadonlyMap<string, readonly TestResult[]>

const words = process.argv.slice(2)
const asked = THREATS.filter(({ row }) => words.length === 0 || words.some((word) => row.includes(word)))
const ran = runTests([...new Set(asked.flatMap(({ tests }) => tests?.files ?? []))])
let broken = 0
for (const threat of asked) {
  const { told, isKept } = await ask(threat, ran)
  if (!isKept) broken += 1
  process.stdout.write(
    `${isKept ? 'kept  ' : 'BROKEN'} ${threat.row}\n       ${threat.expected}\n       ${told.join('\n       ')}\n`,
  )
}
process.stdout.write(`${asked.length - broken} of ${asked.length} rows kept\n`)
process.exit(broken === 0 ? 0 : 1)

function runTests(files: readonly string[]): ByFile {
  if (files.length === 0) return new Map()
  const report = join(tmpdir(), `threats-${process.pid}.json`)
  const args = ['run', '--project', 'node', '--reporter', 'json', '--outputFile', report, ...files]
  spawnSync('vitest', args, { stdio: 'ignore' })
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { name: string; assertionResults: TestResult[] }[]
  }
  rmSync(report)
  return new Map(
    files.map((file) => [file, testResults.find(({ name }) => name.endsWith(`/${file}`))?.assertionResults ?? []]),
  )
}

async function ask({ tests, measure }: Threat, byFile: ByFile): Promise<{ told: string[]; isKept: boolean }> {
  const told: string[] = []
  let isKept = true
  if (tests !== undefined) {
    const wanted = new RegExp(tests.named ?? '')
    for (const file of tests.files) {
      const results = (byFile.get(file) ?? []).filter(({ fullName }) => wanted.test(fullName))
      const passed = results.filter(({ status }) => status === 'passed').length
      isKept &&= passed > 0 && passed === results.length
      told.push(`${passed} of ${results.length} tests pass: ${file}`)
    }
  }
  if (measure !== undefined) {
    const measured = await measure().catch((error: unknown): Measured => ({ figure: String(error), isKept: false }))
    isKept &&= measured.isKept
    told.push(measured.figure)
  }
  return { told, isKept }
}
