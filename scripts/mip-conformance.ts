/**
 * The harness of docs/mip/conformance.md: `node scripts/mip-conformance.ts verify|encode|apply` reads one JSON object a line and writes the
 * answer of this implementation, in order. `test/conformance/verifier.py` is the same in Python.
 */
import { createInterface } from 'node:readline'
import { canonicalJson } from './conformance/canonical-json.ts'
import { answerQuestion, ROLES } from './conformance/harness.ts'

const role = ROLES.find((one) => one === process.argv[2])
if (!role || process.argv.length !== 3) {
  console.error(`usage: node scripts/mip-conformance.ts ${ROLES.join('|')}`)
  process.exit(2)
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY }))
  process.stdout.write(`${canonicalJson(await answerQuestion(role, parsed(line)))}\n`)

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
