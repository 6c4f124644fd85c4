import { Command } from 'commander'
import type { Cli } from '../cli.ts'
import type { Finding } from '../doctor/finding.ts'
import { localChecks } from '../doctor/local.ts'
import { serverChecks } from '../doctor/server.ts'
import { CliError } from '../failure.ts'
import { oneLine } from '../text.ts'

const MARKS = { ok: 'ok  ', warning: 'warn', failed: 'FAIL', skipped: 'skip' } as const

export const doctorCommand = (cli: Cli): Command =>
  new Command('doctor')
    .description('check this machine, the server and the key, and say what to do')
    .action(() => doctor(cli))

async function doctor(cli: Cli): Promise<void> {
  const findings: Finding[] = [...(await localChecks(cli.io)), ...(await serverChecks(cli.connection(), cli.io))]
  const failed = findings.filter(({ state }) => state === 'failed')
  cli.show({ ok: failed.length === 0, findings }, () => findings.map(findingText).join(''))
  if (failed.length > 0)
    throw new CliError(
      `${failed.length} of ${findings.length} checks failed: ${failed.map(({ check }) => check).join(', ')}`,
    )
}

function findingText({ check, state, detail, next }: Finding): string {
  const advice = next === undefined ? '' : `      next: ${next}\n`
  return `${MARKS[state]}  ${check}: ${oneLine(detail)}\n${advice}`
}
