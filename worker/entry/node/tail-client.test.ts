import { expect, it, onTestFinished } from 'vitest'
import { type Caller, newTenant } from '../../../test/support/edge.ts'
import { openNodeEdge } from '../../../test/support/edge-node.ts'
import { initOrganisation } from '../../../test/support/mip-root.ts'
import { TailClient } from './tail-client.ts'

const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function publisher() {
  const edge = await openNodeEdge()
  onTestFinished(() => edge.close())
  const { admin } = await newTenant(edge)
  const root = await initOrganisation(admin)
  await publish(admin, 'One ship is in.')
  return { url: edge.url ?? '', did: root.org, admin }
}

const publish = async (admin: Caller, content: string) => {
  const { cubes } = await admin.ok('createCubes', { body: { cubes: [{ content }] } })
  await admin.ok('publishMemories', { body: { cubeIds: cubes.map(({ cubeId }) => cubeId) as never } })
}

function client(more: { allowPrivate?: boolean } = {}) {
  const seen: unknown[][] = []
  let pulls = 0
  const made = new TailClient({
    hints: {
      headSeen: async (...place) => {
        seen.push(place)
      },
    },
    pull: async () => {
      pulls += 1
    },
    logger: { info() {}, warn() {}, error() {} },
    lookup: async () => ['127.0.0.1'],
    allowPrivate: true,
    ...more,
  })
  onTestFinished(() => made.close())
  return { made, seen, pulls: () => pulls }
}

it('hears of each entry, pulls at once, and reads as many frames as come', async () => {
  const { url, did, admin } = await publisher()
  const { made, seen, pulls } = client()
  const wanted = [{ did, log: 'memory', url }]
  made.keep(wanted)
  made.keep(wanted)
  await until(() => seen.length === 1)
  expect([seen, made.open]).toEqual([[[did, 'memory', 0, 0]], 1])
  for (let n = 1; n <= 20; n++) await publish(admin, `Ship ${n} is in.`)
  await until(() => seen.some(([, , , seq]) => seq === 20))
  expect(pulls()).toBeGreaterThanOrEqual(20)
  made.keep([])
  await until(() => made.open === 0)
})

it('opens a tail again that has ended, and none to private or unserved addresses', async () => {
  const { url, did } = await publisher()
  const { made, seen } = client()
  made.keep([{ did, log: 'nothing', url }])
  made.keep([{ did, log: 'memory', url }])
  await until(() => seen.length === 1)
  made.keep([])
  await until(() => made.open === 0)
  // The minute's upkeep asks for it again and again.
  await until(() => {
    made.keep([{ did, log: 'memory', url }])
    return seen.length === 2
  })
  const careful = client({ allowPrivate: false })
  careful.made.keep([
    { did, log: 'memory', url },
    { did, log: 'memory', url: 'https://inside.example/' },
  ])
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([careful.made.open, careful.seen]).toEqual([0, []])
})
