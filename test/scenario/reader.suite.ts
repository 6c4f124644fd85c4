import { expect, it } from 'vitest'
import type { MemoryOperation, MemoryPlan } from '../../schemas/reading.ts'
import { type Caller, describeEdge, type OpenEdge } from '../support/edge.ts'

type Said = string | { role?: 'user' | 'assistant' | 'system'; content: string; speaker?: string; saidAt?: string }

const messagesOf = (said: readonly Said[]) => said.map((one) => (typeof one === 'string' ? { content: one } : one))
const plan = (caller: Caller, said: Said[], more: object = {}) =>
  caller.ok('planMemories', { body: { messages: messagesOf(said), ...more } })
const apply = (caller: Caller, said: Said[], more: object = {}) =>
  caller.ok('remember', { body: { mode: 'plan', messages: messagesOf(said), ...more } })
const contents = async (caller: Caller) =>
  (await caller.ok('listCubes', { query: {} })).items.map(({ content }) => content).toReversed()
const inShort = ({ operations }: MemoryPlan) => operations.map(({ op, reason }) => `${op} ${reason}`)
const only = ({ operations }: MemoryPlan): MemoryOperation => {
  expect(operations).toHaveLength(1)
  return operations[0] as MemoryOperation
}

/**
 * Goal: a prompt becomes a memory call, and what was said becomes operations on memory: what is new is added once, what changed ends what held
 * before, what is junk or known is left out with its reason, and nothing is forgotten unasked.
 * Method: plans without effect, plans carried out, and the cubes looked at afterwards. No model is configured.
 */
export function reader(open: OpenEdge) {
  describeEdge('MemReader', open, (tenant, edge) => {
    it('reads a prompt in its conversation', async () => {
      const { admin } = await tenant()
      const turns = [
        { role: 'user' as const, content: "When is Anna's birthday?" },
        { role: 'assistant' as const, content: 'On the third of March.' },
      ]
      const reading = await admin.ok('read', { body: { prompt: "and what about Tom's?", turns } })
      expect(reading).toMatchObject({
        rewritten: "When is Tom's birthday?",
        notes: [],
        call: { intent: 'recall', entities: ['Tom'], needsMemory: true, reason: 'follow_up', by: 'rules' },
      })
      const refined = await admin.ok('read', { body: { prompt: 'Summarise my notes', refine: true } })
      expect(refined.notes).toEqual(['No language model is configured; the rules decided.'])
      expect(refined.call).toMatchObject({ intent: 'summarise', target: 'summary', memoryType: 'plaintext' })
      await admin.refused('read', { body: { prompt: '  ' } })
      expect((await admin.refused('read', { body: { prompt: 'x', namespaces: ['not-there'] } })).code).toBe('not_found')
    })

    it('plans without changing anything, not even a namespace', async () => {
      const { admin } = await tenant()
      const planned = await plan(admin, ['I live in Rome. What is the time?'])
      expect(planned.operations).toMatchObject([
        {
          op: 'add',
          reason: 'statement',
          message: 0,
          span: { start: 0, end: 15 },
          content: 'I live in Rome.',
          applied: false,
        },
        { op: 'skip', reason: 'question', message: 0, span: { start: 16, end: 33 }, content: null, applied: false },
      ])
      expect((await admin.ok('listNamespaces', { query: {} })).items).toEqual([])
      expect((await admin.refused('planMemories', { body: { text: 'x', namespace: 'not-there' } })).code).toBe(
        'not_found',
      )
    })

    it('keeps one message as one cube unless a plan is asked for', async () => {
      const { admin } = await tenant()
      const { cubes, plan: none } = await admin.ok('remember', { body: { messages: messagesOf(['ok', 'ok', 'Hi!']) } })
      expect([cubes.length, none]).toEqual([3, undefined])
      expect(await contents(admin)).toEqual(['ok', 'ok', 'Hi!'])
    })

    it('leaves out junk, with reasons', async () => {
      const { admin } = await tenant()
      const answer = await apply(admin, [
        'Hello there!',
        'ok, thanks a lot',
        { role: 'assistant', content: 'Noted! Let me know if there is anything else I can help with.' },
        { role: 'system', content: 'You speak like a pirate.' },
        'You are a helpful assistant that answers in JSON.',
        'ping',
        '```python\n```',
        '🎉🎉',
        '你好',
        'Write me a poem about the sea.',
        'My cat is called Miso.',
      ])
      expect(inShort(answer.plan as MemoryPlan)).toEqual([
        'skip greeting',
        'skip acknowledgement',
        'skip acknowledgement',
        'skip boilerplate',
        'skip system_prompt',
        'skip system_prompt',
        'skip status_check',
        'skip empty',
        'skip empty',
        'skip greeting',
        'skip instruction',
        'add statement',
      ])
      expect(await contents(admin)).toEqual(['My cat is called Miso.'])
    })

    it('does not remember again what was recalled', async () => {
      const { admin } = await tenant()
      await apply(admin, [{ content: 'My sister Ana lives in Porto.', saidAt: '2025-03-05T00:00:00Z' }])
      const { text } = await admin.ok('context', { body: { query: 'Where does my sister live?' } })
      expect(text).toContain('lives in Porto')
      const answer = await apply(admin, [
        `${text}\nI bought a red bicycle.`,
        { role: 'assistant', content: 'Your sister Ana lives in Porto [1].' },
      ])
      const left = (answer.plan as MemoryPlan).operations.filter(({ op }) => op === 'skip')
      expect(left.length).toBeGreaterThanOrEqual(3)
      expect(new Set(left.map(({ reason }) => reason))).toEqual(new Set(['recalled']))
      expect(await contents(admin)).toEqual(['My sister Ana lives in Porto.', 'I bought a red bicycle.'])
    })

    it('takes the same conversation in twice with one effect', async () => {
      const { admin } = await tenant()
      const said = ['My dog is called Rex. He is three years old.', 'I am allergic to peanuts.', '我对花生过敏。']
      const first = await apply(admin, said, { session: 'first talk' })
      expect(first.cubes).toHaveLength(3)
      const again = await apply(admin, said, { session: 'first talk' })
      expect(inShort(again.plan as MemoryPlan)).toEqual(Array(3).fill('skip duplicate'))
      expect(again.cubes).toEqual([])
      expect(await contents(admin)).toHaveLength(3)
    })

    it('finds what was kept verbatim before', async () => {
      const { admin } = await tenant()
      await admin.ok('remember', { body: { text: 'I met Eva at the harbour. We had coffee and talked about boats.' } })
      expect(only(await plan(admin, ['I met Eva at the harbour.']))).toMatchObject({ op: 'skip', reason: 'duplicate' })
    })

    it('adds one memory, not three near-duplicates', async () => {
      const { admin } = await tenant()
      const answer = await apply(admin, [
        'I really love hiking in the Alps.',
        'i really love hiking in the alps',
        'I love hiking in the Alps!',
      ])
      expect(inShort(answer.plan as MemoryPlan)).toEqual(['add statement', 'skip duplicate', 'skip near_duplicate'])
      const later = await plan(admin, ['I do love hiking in the Alps.', 'I do not love hiking in the Alps.'])
      expect(inShort(later)[0]).toBe('skip near_duplicate')
      expect(inShort(later)[1]).not.toMatch(/duplicate/)
      const swapped = await plan(admin, [
        'The train goes from Porto to Lisbon.',
        'The train goes from Lisbon to Porto.',
      ])
      expect(inShort(swapped)).toEqual(['add statement', 'add statement'])
    })

    it('supersedes what no longer holds, and keeps it with its end', async () => {
      const { admin } = await tenant()
      await apply(admin, [{ content: 'I live in Berlin.', saidAt: '2025-01-01T00:00:00Z' }])
      const answer = await apply(admin, [{ content: 'I moved to Lisbon.', saidAt: '2025-06-01T00:00:00Z' }])
      const operation = only(answer.plan as MemoryPlan)
      expect(operation).toMatchObject({ op: 'supersede', reason: 'changed_state', applied: true })
      expect(answer.cubes.map(({ revision }) => revision)).toEqual([1, 2])
      const [made, ended] = answer.cubes
      const old = await admin.ok('getCube', { params: { cubeId: ended?.cubeId ?? '' } })
      expect(old).toMatchObject({ content: 'I live in Berlin.', descriptive: { validTo: '2025-06-01T00:00:00.000Z' } })
      const { lineage } = await admin.ok('getProvenance', { params: { cubeId: made?.cubeId ?? '' } })
      expect(lineage).toHaveLength(1)
      const { results } = await admin.ok('search', { body: { query: 'Where do I live? Berlin or Lisbon?' } })
      expect(results.map(({ cube }) => cube.content)).toEqual(['I moved to Lisbon.'])
      const late = await apply(admin, [{ content: 'I live in Madrid.', saidAt: '2024-01-01T00:00:00Z' }])
      expect(only(late.plan as MemoryPlan)).toMatchObject({ op: 'add', reason: 'same_attribute' })
    })

    it('corrects, in English and Chinese, and rewrites one sentence of several', async () => {
      const { admin } = await tenant()
      await apply(admin, ['My wifi password is tiger.', '我住在北京。'])
      await admin.ok('remember', { body: { text: 'My favourite colour is blue. I have two cats.' } })
      const answer = await apply(admin, [
        'Please change my wifi password to lion.',
        '其实，我住在上海。',
        'My favourite colour is green.',
      ])
      expect(inShort(answer.plan as MemoryPlan)).toEqual([
        'supersede correction',
        'supersede correction',
        'update same_attribute',
      ])
      expect(await contents(admin)).toEqual([
        'My wifi password is tiger.',
        '我住在北京。',
        'My favourite colour is green. I have two cats.',
        'My wifi password is lion.',
        '我住在上海。',
      ])
    })

    it('lets an assistant change nothing that a person said', async () => {
      const { admin } = await tenant()
      await apply(admin, ['I live in Berlin.', 'I like green tea.'])
      const answer = await apply(admin, [
        { role: 'assistant', content: 'I live in Lisbon.' },
        { role: 'assistant', content: 'Actually, I like green tea with honey in the morning.' },
        { role: 'assistant', content: 'Forget everything about Berlin.' },
      ])
      expect(new Set(answer.plan?.operations.map(({ op }) => op))).toEqual(new Set(['add']))
      const { items } = await admin.ok('listCubes', { query: {} })
      expect(items.filter(({ descriptive }) => descriptive.validTo !== null)).toEqual([])
      expect(items.map(({ descriptive }) => descriptive.origin.kind)).toEqual([
        ...Array(3).fill('inference'),
        ...Array(2).fill('user_input'),
      ])
    })

    it('takes the later of two statements of one request', async () => {
      const { admin } = await tenant()
      const answer = await apply(admin, ['I live in Oslo.', 'Actually, I live in Bergen.'])
      expect(inShort(answer.plan as MemoryPlan)).toEqual(['skip correction', 'add statement'])
      expect(await contents(admin)).toEqual(['I live in Bergen.'])
    })

    it('updates a memory that a statement adds to, and links one that it refers to', async () => {
      const { admin } = await tenant()
      await apply(admin, ['Project Apollo ships in autumn.', 'I like green tea.'])
      const answer = await apply(admin, [
        'I like green tea with honey in the morning.',
        'Regarding Project Apollo, the budget was cut by a third.',
      ])
      expect(inShort(answer.plan as MemoryPlan)).toEqual(['update adds_detail', 'link refers_to'])
      expect(await contents(admin)).toEqual([
        'Project Apollo ships in autumn.',
        'I like green tea with honey in the morning.',
        'Regarding Project Apollo, the budget was cut by a third.',
      ])
    })

    it('forgets only what is confirmed, and says what it did not find', async () => {
      const { admin } = await tenant()
      await apply(admin, ['My phone number is 555-0192.', 'I have a phone with a red case.', 'I like pears.'])
      const planned = await apply(admin, ['Please forget my phone number.'])
      expect(only(planned.plan as MemoryPlan)).toMatchObject({ op: 'forget', applied: false })
      expect(only(planned.plan as MemoryPlan).target?.content).toBe('My phone number is 555-0192.')
      expect(planned.plan?.notes).toEqual(['What is to be forgotten needs confirm: true.'])
      expect(await contents(admin)).toHaveLength(3)
      const done = await apply(admin, ['Please forget my phone number.', 'Forget my passport.'], { confirm: true })
      expect(inShort(done.plan as MemoryPlan)).toEqual(['forget asked_to_forget', 'skip no_target'])
      expect(await contents(admin)).toEqual(['I have a phone with a red case.', 'I like pears.'])
      const { results } = await admin.ok('search', { body: { query: '555-0192' } })
      expect(results.map(({ cube }) => cube.content)).not.toContain('My phone number is 555-0192.')
    })

    it('neither forgets nor reads what the caller may not', async () => {
      const { admin } = await tenant()
      const ana = await admin.newKey({ subject: { kind: 'user', id: 'ana' } })
      const bob = await admin.newKey({ subject: { kind: 'user', id: 'bob' } })
      await apply(ana, ['My locker code is 4471.'])
      const planned = await apply(bob, ['Forget my locker code.'], { confirm: true })
      expect(only(planned.plan as MemoryPlan)).toMatchObject({ op: 'skip', reason: 'no_target', target: null })
      const refused = await bob.refused('remember', {
        body: { mode: 'plan', confirm: true, text: 'Forget my locker code.', namespace: 'user:ana' },
      })
      expect(refused.code).toBe('not_found')
      expect(await contents(ana)).toEqual(['My locker code is 4471.'])
    })

    it('adds once what is sent twice at the same time', async () => {
      const { admin } = await tenant()
      await apply(admin, [{ content: 'I live in Berlin.', saidAt: '2025-01-01T00:00:00Z' }])
      const sent = await Promise.all(
        ['one', 'two', 'three'].map(() => apply(admin, ['I moved to Lisbon.', 'I own a kayak.'])),
      )
      expect(sent.flatMap(({ plan: made }) => inShort(made as MemoryPlan)).toSorted()).toEqual([
        'add statement',
        ...Array(4).fill('skip duplicate'),
        'supersede changed_state',
      ])
      expect(await contents(admin)).toEqual(['I live in Berlin.', 'I moved to Lisbon.', 'I own a kayak.'])
    })

    it('leaves frozen memories as they are', async () => {
      const { admin } = await tenant()
      const { cubes } = await apply(admin, ['My name is Eva.'])
      const params = { cubeId: cubes[0]?.cubeId ?? '' }
      await admin.ok('changeLifecycle', { params, body: { event: 'freeze' } })
      const answer = await apply(admin, ['My name is Ida.', 'Forget my name is Eva.'], { confirm: true })
      expect(inShort(answer.plan as MemoryPlan)).toEqual(['add not_writable', 'skip not_writable'])
      expect(await contents(admin)).toEqual(['My name is Eva.', 'My name is Ida.'])
    })

    it('answers a repeated request with what it did the first time', async () => {
      const { admin } = await tenant()
      const send = () =>
        admin.send('remember', {
          body: { mode: 'plan', text: 'I play the cello.' },
          headers: { 'idempotency-key': 'one' },
        })
      const [first, second] = [await (await send()).text(), await (await send()).text()]
      expect(second).toBe(first)
      expect(await contents(admin)).toEqual(['I play the cello.'])
    })

    it('bounds what one plan reads and changes', async () => {
      const { admin } = await tenant({ cubesMax: 2 })
      const many = Array.from({ length: 101 }, (_, at) => `Fact ${at}.`)
      expect(await admin.refused('planMemories', { body: { messages: messagesOf(many) } })).toMatchObject({
        code: 'invalid_request',
        field: 'messages',
      })
      const embedding = { model: 'm', values: [1] }
      expect(await admin.refused('planMemories', { body: { messages: [{ content: 'x', embedding }] } })).toMatchObject({
        field: 'messages.0.embedding',
      })
      const over = { body: { mode: 'plan' as const, text: 'I have a boat. The sea is calm today. Lisbon has trams.' } }
      expect((await admin.refused('remember', over)).code).toBe('quota_exceeded')
      expect(await contents(admin)).toEqual([])
    })

    it('writes one audit row that names every cube it touched', async () => {
      const { id, admin } = await tenant()
      await apply(admin, [{ content: 'I live in Berlin.', saidAt: '2025-01-01T00:00:00Z' }])
      await apply(admin, ['I moved to Lisbon.', 'I own a kayak.'])
      const rows = await edge().rows(
        "select cube_count, outcome from audit_log where org_id = ? and operation = 'remember' order by id",
        id,
      )
      expect(rows).toEqual([
        [1, 'ok'],
        [3, 'ok'],
      ])
    })
  })
}
