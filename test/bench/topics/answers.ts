import { cacheMaker } from '../../../gpu-node/core/activation/cache-of-block.ts'
import { ResidentCache } from '../../../gpu-node/core/activation/resident-cache.ts'
import { openDecoder } from '../../../gpu-node/core/model/onnx-decoder.ts'
import { SessionPool } from '../../../gpu-node/core/runtime/session-pool.ts'
import { folderFiles } from '../../../gpu-node/entry/node/folder-files.ts'
import { onnxRuntimeNode } from '../../../gpu-node/entry/node/onnxruntime-node.ts'
import { seededRandom } from '../../conformance/seeded-random.ts'
import { MemoryBlobs } from '../../support/memory-blobs.ts'
import { referenceModelFolder } from '../../support/shared-models.ts'
import { type Answered, answersOf, memoryTokens, WAYS, type Way } from '../answers/ask.ts'
import { makeCase } from '../answers/cases.ts'
import type { Recorder } from '../harness/report.ts'
import { mean, percentile } from '../harness/statistics.ts'
import type { BenchOptions } from './topic.ts'

const SEED = 20_261
const QUESTIONS = 500
const FACTS = [1, 2, 4, 8, 14, 34]
const MIB = 2 ** 20

/** Whether answers stay the same when memory is injected as keys and values, instead of standing in the prompt. */
export async function answers(recorder: Recorder, { quick }: BenchOptions): Promise<void> {
  const folder = referenceModelFolder()
  if (folder === null) return recorder.skip('answers', 'no reference model')
  const runtime = await onnxRuntimeNode({ threads: 1 })
  const sessions = new SessionPool(runtime, 256 * MIB)
  const model = await openDecoder({ name: 'reference', files: folderFiles(folder), runtime, sessions })
  const blobs = new MemoryBlobs()
  const options = { strategy: 'lru', halfLifeMs: 60_000, nowMs: Date.now } as const
  const resident = new ResidentCache({ bytesMax: 64 * MIB, ...options })
  const parts = { model, cacheOf: cacheMaker(runtime, model.config), resident, blobs }
  const dice = seededRandom(SEED)
  const rounds: { facts: number; tokens: number; answered: Record<Way, Answered> }[] = []
  const questions = quick ? 60 : QUESTIONS
  for (let at = 0; at < questions; at++) {
    const facts = FACTS[at % FACTS.length]!
    const one = makeCase(dice, facts)
    rounds.push({ facts, tokens: memoryTokens(model, one), answered: await answersOf(parts, blobs, one) })
    if (at % 50 === 49) recorder.progress(`${at + 1} of ${questions} questions`)
  }
  await sessions.closeAll()
  recorder.figure('questions', questions, 'questions')
  report(recorder, rounds)
}

function report(
  recorder: Recorder,
  rounds: { facts: number; tokens: number; answered: Record<Way, Answered> }[],
): void {
  const percent = (way: Way, among = rounds) => 100 * mean(among.map(({ answered }) => Number(answered[way].isRight)))
  for (const way of WAYS) recorder.figure(`${way}.right`, percent(way), '%')
  for (const facts of FACTS) {
    const among = rounds.filter((round) => round.facts === facts)
    recorder.figure(`facts${facts}.tokens`, mean(among.map(({ tokens }) => tokens)), 'tokens of memory')
    for (const way of ['text', 'int8', 'blended', 'removed'] as const)
      recorder.figure(`facts${facts}.${way}.right`, percent(way, among), '%')
  }
  for (const way of WAYS.filter((name) => !['text', 'removed', 'none'].includes(name))) {
    const each = rounds.map(({ answered }) => answered[way].divergence)
    recorder.figure(`${way}.loss`, percent('text') - percent(way), 'points')
    const changed = rounds.filter(({ answered }) => answered[way].isRight !== answered.text.isRight)
    recorder.figure(`${way}.changed`, (100 * changed.length) / rounds.length, '% of answers, right or wrong')
    recorder.figure(
      `${way}.logit.most`,
      Math.max(...each.map(({ logitDifference }) => logitDifference)),
      'largest difference',
    )
    recorder.figure(`${way}.kl.mean`, mean(each.map(({ kl }) => kl)), 'nats')
    recorder.figure(
      `${way}.kl.p95`,
      percentile(
        each.map(({ kl }) => kl),
        0.95,
      ),
      'nats',
    )
  }
  for (const way of ['exact', 'fp16', 'int8']) recorder.target(`${way}.loss`, '<=', 0.5)
  for (const way of ['blended', 'blended.fp16', 'blended.int8']) recorder.target(`${way}.loss`, '<=', 2)
  for (const way of ['removed', 'none']) recorder.target(`${way}.right`, '<=', 1)
}
