import type { Route } from '../../schemas/route.ts'
import { ROUTES, type RouteName } from '../../schemas/routes/all.ts'
import type { EdgeUnderTest } from '../support/edge.ts'
import type { AccessWorld } from './access-world.ts'
import { type Harvest, harvest, probesOf, UNTARGETED } from './route-probes.ts'

/** Something of every kind that has a list: made by the operation that makes it, with the example of its documentation. */
export async function furnish(edge: EdgeUnderTest, world: AccessWorld): Promise<void> {
  const lists = new Set(Object.values(ROUTES).map((route) => route.path.replace(/\/:\w+(\/[^:]*)?$/, '')))
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    const isMaker = route.method === 'post' && route.status === 201 && lists.has(route.path)
    if (!isMaker || UNTARGETED.has(name) || /^(remember|createCubes?|createPermission)$/.test(name)) continue
    const made = new Set<unknown>()
    for (const probe of probesOf(name, route, world, world, new Map())) {
      if (made.has(probe.place)) continue
      made.add(probe.place)
      const { cubeId, ...body } = probe.input.body as { cubeId?: string }
      const example = (route as Route).body?.meta()?.examples as object[] | undefined
      const input = { ...probe.input, body: 'cubeId' in (example?.[0] ?? {}) ? { ...body, cubeId } : body }
      await (await world.admin.send(name, input as never)).text()
    }
  }
  // What only background work makes.
  await edge.rows(
    `insert into block_changes (id, block_id, namespace_id, kind, "before", "after", reason, caller, at_ms, questions)
     select '0000000000' || substr(b.id, 11), b.id, b.namespace_id, 'retire', '{}', '{}', 'planted', 'system', 1, 0
     from blocks b join namespaces n on n.id = b.namespace_id where n.org_id = ? returning id`,
    world.id,
  )
  for (const { cubeId } of world.cubes)
    await edge.rows(
      `insert into tasks (id, org_id, namespace_id, kind, state, input, progress, attempts, created_at_ms, updated_at_ms)
       select ?, ?, namespace_id, 'planted', 'queued', '{}', 0, 0, 0, 0 from cubes where cube_id = ? returning id`,
      `0000000000${cubeId.slice(10)}`,
      world.id,
      cubeId,
    )
}

/** What is made by background work may not be there yet: its name is guessed instead. */
export async function harvestOf(world: AccessWorld): Promise<Harvest> {
  const entities = world.cubes.map(({ marker, place }) => ({ id: marker.toLowerCase(), place }))
  const found = new Map(await harvest(world))
  const path = '/v1/namespaces/:name/entities'
  found.set(path, [...(found.get(path) ?? []), ...entities])
  return found
}

/** Everything that a change of memory or of permissions would move. */
export async function stateOf(edge: EdgeUnderTest, worlds: readonly AccessWorld[]): Promise<unknown[]> {
  const states: unknown[] = []
  for (const { id } of worlds) {
    states.push(
      await edge.rows(
        'select c.cube_id, c.revision, c.cid, c.sensitivity from cubes c join namespaces n on n.id = c.namespace_id where n.org_id = ? order by 1',
        id,
      ),
      await edge.rows('select name, settings from namespaces where org_id = ? order by 1', id),
      await edge.rows('select id, subject_id, access, clearance from permissions where org_id = ? order by 1', id),
      await edge.rows(
        'select b.block_id, b.cube_id, b.retired_at_ms from block_members b join namespaces n on n.id = b.namespace_id where n.org_id = ? order by 1, 2',
        id,
      ),
      await edge.rows('select id, state from tasks where org_id = ? and kind = ? order by 1', id, 'planted'),
    )
  }
  return states
}
