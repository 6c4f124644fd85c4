import type { Caller } from '../support/edge.ts'

const NAME = 'default'
export const name = { name: NAME }
export const LONG = 'The lighthouse log says that the lamp was lit at dusk. '.repeat(800)

export const create = (caller: Caller, content: string, more: object = {}) =>
  caller.ok('createCube', { body: { content, ...more } })
export const update = (caller: Caller, cubeId: string, content: string, more: object = {}) =>
  caller.ok('updateCube', { params: { cubeId }, body: { content, ...more } })
export const contentsOf = async (caller: Caller, query: string, asOf?: string) =>
  (await caller.ok('search', { body: { query, ...(asOf === undefined ? {} : { asOf }) } })).results.map(
    ({ cube }) => cube.content,
  )
export const listed = async (caller: Caller, query: object = {}) =>
  (await caller.ok('listCubes', { query })).items.map(({ content }) => content)
export const snapshot = (caller: Caller, snapshotName: string) =>
  caller.ok('createSnapshot', { params: name, body: { name: snapshotName } })

/** A time after everything so far and before everything to come. */
export async function moment(): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 5))
  const at = new Date().toISOString()
  await new Promise((resolve) => setTimeout(resolve, 5))
  return at
}
