import { ApiError, call, session } from './api.js'
import { refreshOverview } from './overview.js'
import { resultsView } from './results.js'

const byId = (id) => document.getElementById(id)

function say(text, isBad = false) {
  byId('message').textContent = text
  byId('message').className = isBad ? 'bad' : 'good'
}

/** Runs a form's work on submit, with its button switched off meanwhile, and shows what goes wrong. */
function onSubmit(id, work) {
  const form = byId(id)
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    say('')
    try {
      await work(Object.fromEntries(new FormData(form)), form)
    } catch (error) {
      say(error.message, true)
      if (error instanceof ApiError && error.code === 'unauthenticated') close()
    } finally {
      button.disabled = false
    }
  })
}

async function open() {
  await call('GET', '/v1/namespaces?limit=1')
  byId('enter').hidden = true
  byId('work').hidden = false
  byId('leave').hidden = false
  await refreshOverview()
}

function close() {
  session.leave()
  byId('results').replaceChildren()
  byId('work').hidden = true
  byId('leave').hidden = true
  byId('enter').hidden = false
}

onSubmit('enter', async ({ key, organisation }, form) => {
  session.enter(key.trim(), organisation.trim())
  await open()
  form.reset()
})

onSubmit('remember', async ({ text, namespace, speaker, session: conversation }, form) => {
  const what = speaker ? { messages: [{ content: text, speaker }] } : { text }
  const { cubes } = await call('POST', '/v1/memories', {
    ...what,
    ...(namespace && { namespace }),
    ...(conversation && { session: conversation }),
  })
  form.elements.text.value = ''
  say(`Remembered in ${cubes[0].namespace} as ${cubes[0].cubeId}.`)
  await refreshOverview()
})

onSubmit('search', async ({ query, namespace, limit, tokens }) => {
  const scope = { query, ...(namespace && { namespaces: [namespace] }) }
  const [answer, context] = await Promise.all([
    call('POST', '/v1/search', { ...scope, limit: Number(limit), explain: true }),
    call('POST', '/v1/context', { ...scope, tokens: Number(tokens) }),
  ])
  byId('results').replaceChildren(...resultsView(answer, context))
  await refreshOverview()
})

byId('leave').addEventListener('click', () => {
  close()
  say('The key is forgotten.')
})

fetch('/readyz')
  .then((response) => response.json())
  .then(({ version, status }) => {
    byId('server').textContent = `version ${version}, ${status.replace('_', ' ')}`
  })
  .catch(() => say('The server does not answer.', true))

if (session.hasKey()) {
  open().catch((error) => {
    close()
    say(error.message, true)
  })
}
