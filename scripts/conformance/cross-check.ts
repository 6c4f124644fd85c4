import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { seededRandom } from '../../test/conformance/seeded-random.ts'
import { ROLES, type Role } from './harness.ts'
import { randomLog } from './random-logs.ts'
import { type Asked, randomQuestions } from './random-objects.ts'

const REPOSITORY = join(import.meta.dirname, '../..')
const OURS = [process.execPath, join(REPOSITORY, 'scripts/mip-conformance.ts')]
const THEIRS = ['python3', join(REPOSITORY, 'test/conformance/verifier.py')]
/** Share of the questions that are about logs. */
const LOG_SHARE = 0.25

export interface CrossReport {
  asked: number
  accepted: number
  refused: number
  byKind: Record<string, number>
  /** How often each code was given, problems of batches among them. */
  codes: Record<string, number>
  differences: { question: string; ours: string; theirs: string }[]
}

/** Asks both implementations the same `count` questions or a few more. */
export async function crossCheck(seed: number, count: number): Promise<CrossReport> {
  const dice = seededRandom(seed)
  const asked: Asked[] = []
  while (asked.length < count * LOG_SHARE) asked.push(...(await randomLog(dice)))
  asked.push(...randomQuestions(dice, count - asked.length))
  const report: CrossReport = { asked: 0, accepted: 0, refused: 0, byKind: {}, codes: {}, differences: [] }
  for (const role of ROLES) {
    const questions = asked.filter((one) => one.role === role).map(({ question }) => question)
    const lines = questions.map((question) => JSON.stringify(question))
    const [ours, theirs] = await Promise.all([answers(OURS, role, lines), answers(THEIRS, role, lines)])
    for (const [i, line] of lines.entries()) {
      note(report, String(questions[i]!.kind ?? role), ours[i] ?? '')
      if (ours[i] !== theirs[i])
        report.differences.push({ question: line, ours: ours[i] ?? 'no answer', theirs: theirs[i] ?? 'no answer' })
    }
  }
  return report
}

function note(report: CrossReport, kind: string, line: string): void {
  const answer = JSON.parse(line || '{}') as { ok?: boolean; code?: string; problem?: { code: string } | null }
  report.asked += 1
  report.byKind[kind] = (report.byKind[kind] ?? 0) + 1
  const code = answer.code ?? answer.problem?.code
  if (code) report.codes[code] = (report.codes[code] ?? 0) + 1
  if (answer.ok && !answer.problem) report.accepted += 1
  else report.refused += 1
}

async function answers([command, program]: string[], role: Role, lines: readonly string[]): Promise<string[]> {
  const child = spawn(command!, [program!, role], { stdio: ['pipe', 'pipe', 'inherit'] })
  const failed = new Promise<never>((_, reject) => child.on('error', reject))
  child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  const output = await Promise.race([text(child.stdout), failed])
  return output.split('\n').filter((line) => line !== '')
}
