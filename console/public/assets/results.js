import { bar, day, element } from './dom.js'

const FACTOR = 'factor.'
const PARTS = { bm25: 'words', neighbours: 'turns beside it', session: 'its session', vector: 'meaning' }

/** Results of a search, each with the parts of its score, and the context pack that a prompt would get. */
export function resultsView({ results, retrieval, tookMs }, context) {
  const how = [
    `${results.length} ${results.length === 1 ? 'result' : 'results'} in ${tookMs.toFixed(1)} ms`,
    retrieval.mode,
    retrieval.model,
    ...Object.entries(retrieval.spelling).map(([word, others]) => `"${word}" read as ${others.join(', ')}`),
    ...retrieval.notes,
  ]
  const best = Math.max(0, ...results.flatMap(({ explain }) => Object.keys(PARTS).map((part) => explain[part])))
  return [
    element('p', { class: 'quiet' }, how.filter(Boolean).join(' · ')),
    ...results.map((hit) => hitView(hit, best)),
    contextView(context),
  ]
}

function hitView({ cube, score, explain }, best) {
  const { speaker, role, session, saidAt, tags } = cube.descriptive
  const facts = [
    score.toFixed(3),
    day(saidAt),
    speaker ?? role,
    session,
    ...tags.map((tag) => `#${tag}`),
    cube.namespace,
  ]
  const parts = Object.entries(PARTS)
    .filter(([part]) => explain[part] > 0)
    .map(([part, name]) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row', title: part }, name),
        element('td', {}, bar(name, explain[part], best)),
        element('td', { class: 'number' }, explain[part].toFixed(2)),
      ),
    )
  const factors = Object.entries(explain)
    .filter(([name]) => name.startsWith(FACTOR))
    .map(([name, factor]) => `${name.slice(FACTOR.length)} × ${factor.toFixed(2)}`)
  return element(
    'article',
    { class: 'hit' },
    element('p', {}, cube.content ?? 'No text: tensors for a model.'),
    element('p', { class: 'quiet' }, facts.filter(Boolean).join(' · ')),
    element('table', { 'aria-label': 'Parts of the score' }, element('tbody', {}, parts)),
    factors.length === 0 ? null : element('p', { class: 'quiet' }, `Multiplied by: ${factors.join(', ')}`),
  )
}

function contextView({ text, tokens, citations }) {
  const title = `Context for a prompt: about ${tokens} tokens from ${citations.length} ${citations.length === 1 ? 'memory' : 'memories'}`
  return element(
    'details',
    { class: 'hit', open: '' },
    element('summary', {}, title),
    element('pre', {}, text === '' ? 'Nothing fits.' : text),
  )
}
