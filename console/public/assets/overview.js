import { call } from './api.js'
import { bar, element, minute, table } from './dom.js'

const NAMESPACES_SHOWN_MAX = 200
const LOG_ENTRIES_SHOWN = 20
const DAYS_SHOWN = 7

/** Namespaces, usage and log, each on its own: a key that may not read one of them still sees the others. */
export async function refreshOverview() {
  await Promise.all([show('namespaces', namespaces), show('usage', usage), show('log', log)])
}

async function show(id, view) {
  const place = document.getElementById(id)
  try {
    place.replaceChildren(...(await view()))
  } catch (error) {
    place.replaceChildren(element('p', { class: 'quiet' }, error.message))
  }
}

async function namespaces() {
  const { items, nextCursor } = await call('GET', `/v1/namespaces?limit=${NAMESPACES_SHOWN_MAX}`)
  for (const select of document.querySelectorAll('select.namespaces')) fill(select, items)
  const columns = [{ title: 'Name' }, { title: 'Layer' }, { title: 'Owner' }, { title: 'Memories', isNumber: true }]
  const rows = items.map(({ name, layer, owner, cubes }) => [name, layer, owner && `${owner.kind} ${owner.id}`, cubes])
  if (rows.length === 0) return [element('p', { class: 'quiet' }, 'None yet. The first memory makes one.')]
  const rest = nextCursor === null ? [] : [element('p', { class: 'quiet' }, `The first ${rows.length} are shown.`)]
  return [table('Namespaces', columns, rows), ...rest]
}

/** Keeps what was chosen, if it is still there. */
function fill(select, items) {
  const chosen = select.value
  const options = items.map(({ name }) => element('option', { value: name, selected: name === chosen && '' }, name))
  select.replaceChildren(element('option', { value: '' }, 'by default'), ...options)
}

async function usage() {
  const { cubes, bytes, cubesMax, days } = await call('GET', '/v1/usage')
  const quota = cubesMax === null ? '' : ` of ${cubesMax}`
  const total = element('p', {}, `${cubes}${quota} memories, ${(bytes / 1024).toFixed(1)} KiB of text`)
  if (days.length === 0) return [total]
  const shown = days.toSorted((a, b) => (a.day < b.day ? 1 : -1)).slice(0, DAYS_SHOWN)
  const most = Math.max(...shown.map((one) => one.reads + one.writes + one.searches))
  const columns = [
    { title: 'Day' },
    { title: 'Requests' },
    ...['Reads', 'Writes', 'Searches'].map((title) => ({ title, isNumber: true })),
  ]
  const rows = shown.map(({ day, reads, writes, searches }) => [
    day,
    bar(`Requests on ${day}`, reads + writes + searches, most),
    reads,
    writes,
    searches,
  ])
  return [total, table('Requests by day', columns, rows)]
}

async function log() {
  const { items } = await call('GET', `/v1/log?limit=${LOG_ENTRIES_SHOWN}`)
  const titles = ['When (UTC)', 'Operation', 'Outcome', 'Namespace', 'Caller']
  const columns = [...titles.map((title) => ({ title })), { title: 'Memories', isNumber: true }]
  const rows = items.map(({ at, operation, outcome, namespace, caller, cubeCount }) => [
    minute(at),
    operation,
    element('span', { class: outcome === 'ok' ? 'good' : 'bad' }, outcome),
    namespace,
    caller,
    cubeCount,
  ])
  return [table('Recent activity', columns, rows)]
}
