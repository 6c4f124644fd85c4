import { expect, it } from 'vitest'
import { figuresOf, questionText, summaryText } from './print.ts'
import type { Asked } from './recall.ts'

function asked(ranking: string[], evidence: string[], category = 'update'): Asked {
  const results = ranking.map((id, i) => ({
    score: 1 / (i + 1),
    explain: { lexical: 0.5, session: 0, speaker: 0.75 },
    cube: { content: `about ${id}\u001b[31m`, descriptive: { speaker: 'Ana', saidAt: '2025-03-08T09:40:00Z' } },
  }))
  const retrieval = { mode: 'lexical', model: null, spelling: {}, notes: ['no embedding model'], terms: [] }
  const question = { question_id: 'q', conv: 'c', question: 'Which glaze?', answer: 'white', category, evidence }
  return { question, ranking, evidence, answer: { results, retrieval, tookMs: 2 } } as unknown as Asked
}

it('marks the evidence, explains the best score and tells the places', () => {
  expect(questionText(asked(['x', 'b', 'a'], ['a', 'b', 'z']), 2, 80)).toBe(
    [
      'Which glaze? (update)',
      '  answer: white; evidence at 2, 3, 1 not found',
      '     1 1.000  2025-03-08 Ana: about x [31m',
      '         speaker 0.750, lexical 0.500',
      '  ✓  2 0.500  2025-03-08 Ana: about b [31m',
      '\n',
    ].join('\n'),
  )
})

it('reaches the recall of the questions that have evidence', () => {
  const all = [asked(['a'], ['a']), asked(['x', 'a'], ['a', 'b']), asked([], [])]
  expect(figuresOf(all)).toEqual({ questions: 2, 'R@1': 50, 'R@5': 75, 'R@10': 75, MRR: 75 })
})

it('sums up by category and says how the memories were found', () => {
  const text = summaryText([asked(['a'], ['a'], 'temporal'), asked(['x'], ['a'])], 80)
  expect(text).toContain('temporal          1  100.0  100.0  100.0  100.0')
  expect(text).toContain('all               2   50.0   50.0   50.0   50.0')
  expect(text).toContain('mode: lexical, model: none\nno embedding model\n')
})
