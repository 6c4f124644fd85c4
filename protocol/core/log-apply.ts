import type { Ed25519 } from './ed25519-rule.ts'
import type { OpenedEntry } from './entry.ts'
import { type OpenedProof, openProof, proofOf } from './equivocation.ts'
import type { OpenedHead } from './head.ts'
import { type Check, type LogInput, LogRules } from './log-rules.ts'
import type { LogState } from './log-state.ts'
import { MipError, type MipReason } from './mip-error.ts'
import { signingInput } from './signed.ts'

/**
 * `strict` verifies every signature. `head` verifies the last entry of every run by one key under one delegation, and of the batch: the
 * chain of hashes commits that key to the rest of its run (MIP 4.3). Nobody else's signature stands for an entry.
 */
export type VerifyMode = 'strict' | 'head'

export interface LogOptions extends LogInput {
  ed25519: Ed25519
  mode?: VerifyMode
}

/** Why a batch was not taken to its end. */
export interface LogProblem {
  code: MipReason
  /** Index of the entry in the batch. */
  at: number
  /** The equivocation, when `code` is `fork` and both entries are validly signed; the state is frozen by it. */
  proof?: OpenedProof
}

export interface LogOutcome {
  state: LogState
  /** The entries that moved the state, in order; what was there before and what comes after a problem is not among them. */
  accepted: OpenedEntry[]
  problem?: LogProblem
}

/** Entries whose signatures are looked at side by side. */
const VERIFY_BATCH = 256

interface Step {
  at: number
  opened: OpenedEntry
  /** After this entry; as before when the entry is refused. */
  state: LogState
  checks: readonly Check[]
  /** The rules refuse it, if it is what it claims to be. */
  refused?: MipReason
}

/**
 * Takes entries into the state of a log, up to the first that does not fit. Pure, and safe for entries from anybody: it throws nothing,
 * and its work is linear in the batch. A code of the problem that blames the organisation (`held`, `fork` with a proof, `resync`,
 * `wrong_preimage`, `too_many`) is given only when the entry is validly signed.
 */
export async function applyEntries(
  state: LogState,
  entries: readonly OpenedEntry[],
  options: LogOptions,
): Promise<LogOutcome> {
  const rules = new LogRules(options)
  const { steps, fork } = walk(rules, state, entries)
  const bad = await firstBad(steps, options)
  const good = bad === -1 ? steps : steps.slice(0, bad)
  const accepted = good.filter((step) => !step.refused)
  const outcome = { state: accepted.at(-1)?.state ?? state, accepted: accepted.map((step) => step.opened) }
  if (bad !== -1) return { ...outcome, problem: { code: 'bad_signature', at: steps[bad]!.at } }
  const last = steps.at(-1)
  if (last?.refused) return { ...outcome, problem: { code: last.refused, at: last.at } }
  return fork ? forked(outcome, fork, rules, options) : outcome
}

/**
 * Verifies a proof against what is known of the log, and freezes the log by it. A proof about an epoch that is closed changes nothing.
 * @throws MipError with the exact reason.
 */
export async function verifyProof(bytes: Uint8Array, state: LogState, options: LogOptions): Promise<LogState> {
  const proof = openProof(bytes)
  const { org, log } = proof.a.entry
  if (org !== state.org) throw new MipError('wrong_org')
  if (log !== state.log) throw new MipError('wrong_log')
  const rules = new LogRules(options)
  for (const opened of [proof.a, proof.b]) {
    const fault = await signatureFault(rules, state, opened, options)
    if (fault) throw new MipError(fault)
  }
  return frozenBy(state, proof)
}

/** What is wrong with a head, or null: its key may append to this log and has signed it. Its place is for compareHead. */
export async function headFault(opened: OpenedHead, state: LogState, options: LogOptions): Promise<MipReason | null> {
  const { head } = opened
  if (head.org !== state.org) return 'wrong_org'
  if (head.log !== state.log) return 'wrong_log'
  const checks = new LogRules(options).authoriseHead(state, opened)
  if (typeof checks === 'string') return checks
  return (await areRight(checks, options.ed25519)) ? null : 'bad_signature'
}

interface Fork {
  at: number
  opened: OpenedEntry
  with: OpenedEntry
}

function walk(rules: LogRules, from: LogState, entries: readonly OpenedEntry[]): { steps: Step[]; fork?: Fork } {
  const steps: Step[] = []
  let state = from
  for (const [at, opened] of entries.entries()) {
    const verdict = rules.judge(state, opened)
    if (verdict.kind === 'skip') continue
    if (verdict.kind === 'fork') return { steps, fork: { at, opened, with: verdict.with } }
    const { checks } = verdict
    if (verdict.kind === 'stop') {
      steps.push({ at, opened, state, checks, refused: verdict.code })
      return { steps }
    }
    state = verdict.state
    rules.remember(opened)
    steps.push({ at, opened, state, checks })
  }
  return { steps }
}

/** Index of the first step with a wrong signature, or -1. */
async function firstBad(steps: readonly Step[], { ed25519, mode }: LogOptions): Promise<number> {
  if (mode === 'head') {
    const chosen = steps.filter((step, i) => isLastOfRun(step, steps[i + 1]))
    if ((await firstWrong(chosen, ed25519)) === -1) return -1
    // Something is forged; every signature tells where it starts.
  }
  return firstWrong(steps, ed25519)
}

function isLastOfRun({ opened: { entry } }: Step, next: Step | undefined): boolean {
  return (
    next === undefined ||
    next.refused !== undefined ||
    next.opened.entry.key !== entry.key ||
    next.opened.entry.dlg !== entry.dlg
  )
}

async function firstWrong(steps: readonly Step[], ed25519: Ed25519): Promise<number> {
  for (let from = 0; from < steps.length; from += VERIFY_BATCH) {
    const some = steps.slice(from, from + VERIFY_BATCH)
    const right = await Promise.all(some.map(({ checks }) => areRight(checks, ed25519)))
    const bad = right.indexOf(false)
    if (bad !== -1) return from + bad
  }
  return -1
}

async function areRight(checks: readonly Check[], ed25519: Ed25519): Promise<boolean> {
  for (const { signed, domain, key } of checks)
    if (!(await ed25519.verify(signed.signature, signingInput(domain, signed.cid), key))) return false
  return true
}

async function forked(outcome: LogOutcome, fork: Fork, rules: LogRules, options: LogOptions): Promise<LogOutcome> {
  const { at, opened } = fork
  const { state } = outcome
  const fault = await signatureFault(rules, state, opened, options)
  if (fault) return { ...outcome, problem: { code: fault, at } }
  // In head mode the signature of the entry that was there has perhaps never been looked at.
  if (await signatureFault(rules, state, fork.with, options)) return { ...outcome, problem: { code: 'fork', at } }
  const proof = proofOf(fork.with, opened)
  return { ...outcome, state: frozenBy(state, proof), problem: { code: 'fork', at, proof } }
}

async function signatureFault(
  rules: LogRules,
  state: LogState,
  opened: OpenedEntry,
  { ed25519 }: LogOptions,
): Promise<MipReason | null> {
  const checks = rules.authorise(state, opened, opened.entry.seq <= state.seq)
  if (typeof checks === 'string') return checks
  return (await areRight(checks, ed25519)) ? null : 'bad_signature'
}

/** The log stops at the last entry that both branches share. The earliest fork decides. */
function frozenBy(state: LogState, { a, cid }: OpenedProof): LogState {
  const { epoch, seq } = a.entry
  if (epoch !== state.epoch || (state.frozen && state.frozen.seq <= seq)) return state
  return { ...state, frozen: { seq, proof: cid } }
}
