import { existsSync } from 'node:fs'
import { type Dataset, datasetNames, readDataset, readNoise } from './dataset.ts'

/** The set that is made of all LoCoMo haystacks and unrelated dialogues. */
export const NOISE = 'locomo_noise'
const NOISE_TURNS = 100_000

/**
 * The sets to run, by default all of a folder. The noisy one comes last: its hundred thousand memories are in the database of no other one.
 * @throws RangeError for a name that is not there
 */
export function chooseSets(data: string, sets?: readonly string[]): string[] {
  const names = [...datasetNames(data), ...(existsSync(`${data}/load_sgd`) ? [NOISE] : [])]
  const chosen = sets ?? names
  const unknown = chosen.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new RangeError(`no set ${unknown.join(', ')}; there are ${names.join(', ')}`)
  return chosen.toSorted((a, b) => Number(a === NOISE) - Number(b === NOISE))
}

export const readSet = (data: string, name: string): Dataset =>
  name === NOISE ? noisy(readDataset(data, 'locomo'), data) : readDataset(data, name)

/** All haystacks of a set as one, with unrelated dialogues around them. */
function noisy(dataset: Dataset, data: string): Dataset {
  const noise = readNoise(data, NOISE_TURNS, NOISE) ?? []
  return {
    name: NOISE,
    turns: [...dataset.turns.map((turn) => ({ ...turn, conv: NOISE })), ...noise],
    questions: dataset.questions.map((question) => ({ ...question, conv: NOISE })),
  }
}
